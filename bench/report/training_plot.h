/* Loss and accuracy of a training, epoch by epoch, drawn. */
#ifndef GB_TRAINING_PLOT_H
#define GB_TRAINING_PLOT_H

#include <stddef.h>
#include <stdio.h>

struct gb_training_point {
    double loss, test_loss, accuracy; /* after the first epoch, the second, ...; finite, accuracy from 0 to 1 */
};

/* Two charts, one above the other. count >= 1. */
void gb_training_svg(FILE *out, const char *title, const struct gb_training_point *points, size_t count);

#endif
