/* The figures of a report. */
#ifndef GB_FIGURES_H
#define GB_FIGURES_H

#include "figure.h"

struct gb_figure {
    const char *name, *title, *caption;
    const char *lacking;                                              /* what is said where there is nothing to draw */
    bool (*draw)(struct gb_canvas *canvas, const struct gb_set *set); /* no panel: there is nothing. False: no memory */
};

enum { GB_FIGURES = 7 };
extern const struct gb_figure gb_figures[GB_FIGURES];

bool gb_ratio_draw(struct gb_canvas *canvas, const struct gb_set *set);
bool gb_runs_draw(struct gb_canvas *canvas, const struct gb_set *set);
bool gb_roofline_draw(struct gb_canvas *canvas, const struct gb_set *set);
bool gb_scaling_draw(struct gb_canvas *canvas, const struct gb_set *set);
bool gb_sizes_draw(struct gb_canvas *canvas, const struct gb_set *set);
bool gb_isas_draw(struct gb_canvas *canvas, const struct gb_set *set);
bool gb_nulls_draw(struct gb_canvas *canvas, const struct gb_set *set);

/* Calls draw for every run and its numbers of threads, the highest first, up to GB_PANELS_MAX panels. */
bool gb_for_each_panel(struct gb_canvas *canvas, const struct gb_set *set,
                       bool (*draw)(struct gb_canvas *canvas, const struct gb_set *set, size_t run, size_t threads));

/* Or once for every run. */
bool gb_for_each_run(struct gb_canvas *canvas, const struct gb_set *set,
                     bool (*draw)(struct gb_canvas *canvas, const struct gb_set *set, size_t run));

#endif
