/* page.css, figure.css and page.js, as the build makes texts of them. */
#ifndef GB_PAGE_TEXTS_H
#define GB_PAGE_TEXTS_H

extern const char gb_page_css[], gb_figure_css[], gb_page_js[];

#endif
