/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Trigger Rules
 *
 * Files triggers.d/NAME.conf: when to start a session by itself, and what it is to be like.
 */

#include "config.h"

enum { TRIGGER_RULES_MAX = 256 };

/* What is counted over the window; a rule may have several, any of them is enough. */
typedef enum TriggerMeasure {
        TRIGGER_CPU_USAGE,       /* CPU time for each second; 1.0 is one CPU */
        TRIGGER_THROTTLED,       /* share of the scheduler's periods */
        TRIGGER_CPU_PRESSURE,    /* share of the time that some task waited */
        TRIGGER_MEMORY_PRESSURE, /* likewise */
        TRIGGER_IO_PRESSURE,     /* likewise */
        _TRIGGER_MEASURE_MAX,
} TriggerMeasure;

typedef struct TriggerRule {
        char *name;                          /* of the file, without .conf */
        char **units;                        /* patterns */
        double limits[_TRIGGER_MEASURE_MAX]; /* 0: not looked at */
        bool on_start;                       /* the unit starts */
        usec_t window_usec;
        unsigned frequency_hz;
        usec_t before_usec; /* of the continuous profile, 0: nothing */
        usec_t duration_usec, cooldown_usec;
        unsigned max_per_hour;
} TriggerRule;

typedef struct TriggerRules {
        TriggerRule *rules; /* in the order of their names */
        size_t n;
} TriggerRules;

/* Below root (NULL: "/"). What is wrong is complained about, and costs its line, or its file. */
int trigger_rules_load(TriggerRules *ret,
                       const char *root,
                       ConfigComplaint complaint,
                       void *userdata);
/* One file, from memory; its path names the rule. */
int trigger_rules_parse(TriggerRules *ret,
                        const char *path,
                        const char *text,
                        size_t size,
                        ConfigComplaint complaint,
                        void *userdata);
void trigger_rules_done(TriggerRules *r);

/* "cpu-usage" */
const char *trigger_measure_to_string(TriggerMeasure m);
