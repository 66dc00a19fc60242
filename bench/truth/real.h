/* The type of the true values. */
#ifndef GB_REAL_H
#define GB_REAL_H

typedef long double gb_real;

#endif
