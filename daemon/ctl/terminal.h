/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Terminal: what the standard output can show. */

#include "basic/util.h"

typedef enum TerminalColor {
        TERMINAL_NORMAL,
        TERMINAL_BOLD,
        TERMINAL_GREY,
        TERMINAL_GREEN,
        TERMINAL_YELLOW,
        TERMINAL_RED,
        _TERMINAL_COLOR_MAX,
} TerminalColor;

typedef struct Terminal {
        bool is_tty;
        bool colors;
        bool utf8;
        unsigned columns; /* 0: unlimited, the output is no terminal */
} Terminal;

/* Looks at fd, the locale (setlocale() has been called) and the environment. */
void terminal_probe(Terminal *t, int fd);

/* $SYSTEMD_COLORS decides where it is a boolean, then $NO_COLOR, then $TERM. */
bool terminal_want_colors(bool is_tty,
                          const char *systemd_colors,
                          const char *no_color,
                          const char *term);

/* Escape sequence that starts the colour (TERMINAL_NORMAL ends it), "" without colours. */
const char *terminal_color(const Terminal *t, TerminalColor color);
/* Either text, as the locale can show it. */
const char *terminal_text(const Terminal *t, const char *utf8, const char *ascii);
