/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Figures
 *
 * What a benchmark prints: "NAME VALUE UNIT" lines, with "(at most TARGET)" behind them where there
 * is one. Other work on the machine makes figures worse, so that a benchmark fails only beyond
 * CLEARLY times the target.
 */

#include "basic/time-util.h"

#define CLEARLY 1.5

static inline void figure(const char *name, double value, const char *unit) {
        printf("%s %.4g %s\n", name, value, unit);
        fflush(stdout);
}

/* True: the target is clearly missed. */
static inline bool figure_at_most(const char *name, double value, const char *unit, double target) {
        printf("%s %.4g %s (at most %g)\n", name, value, unit, target);
        fflush(stdout);
        return value > target * CLEARLY;
}

static inline int compare_figures(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return x < y ? -1 : x > y;
}

/* Sorts them. */
static inline double median(double *values, size_t n) {
        qsort(values, n, sizeof(*values), compare_figures);
        return values[n / 2];
}
