/* SPDX-License-Identifier: Apache-2.0 */
/* Terminal */

#include <langinfo.h>
#include <sys/ioctl.h>

#include "basic/parse.h"
#include "basic/string-util.h"
#include "ctl/terminal.h"

enum {
        COLUMNS_MIN = 20, /* narrower is a terminal that does not know its size */
        COLUMNS_MAX = 4096,
        COLUMNS_DEFAULT = 80,
};

bool terminal_want_colors(bool is_tty,
                          const char *systemd_colors,
                          const char *no_color,
                          const char *term) {
        if (!isempty(systemd_colors)) {
                /* Depths ("16", "256") mean colours too: only the basic ones are used. */
                return parse_boolean(systemd_colors) != 0;
        }
        if (!isempty(no_color))
                return false;
        return is_tty && !isempty(term) && !streq(term, "dumb");
}

static unsigned probe_columns(int fd) {
        struct winsize size = {};
        const char *columns = getenv("COLUMNS");
        unsigned n;

        if (columns && parse_unsigned(columns, COLUMNS_MIN, COLUMNS_MAX, &n) >= 0)
                return n;
        if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col < COLUMNS_MIN)
                return COLUMNS_DEFAULT;
        return MIN(size.ws_col, COLUMNS_MAX);
}

void terminal_probe(Terminal *t, int fd) {
        bool is_tty = isatty(fd);

        *t = (Terminal){
                .is_tty = is_tty,
                .colors = terminal_want_colors(is_tty, getenv("SYSTEMD_COLORS"), getenv("NO_COLOR"),
                                               getenv("TERM")),
                .utf8 = streq(nl_langinfo(CODESET), "UTF-8"),
                .columns = is_tty ? probe_columns(fd) : 0,
        };
}

const char *terminal_color(const Terminal *t, TerminalColor color) {
        static const char *const sequences[_TERMINAL_COLOR_MAX] = {
                [TERMINAL_NORMAL] = "\x1b[0m",      [TERMINAL_BOLD] = "\x1b[1m",
                [TERMINAL_GREY] = "\x1b[0;90m",     [TERMINAL_GREEN] = "\x1b[0;32m",
                [TERMINAL_YELLOW] = "\x1b[0;1;33m", [TERMINAL_RED] = "\x1b[0;1;31m",
        };

        return t->colors ? sequences[color] : "";
}

const char *terminal_text(const Terminal *t, const char *utf8, const char *ascii) {
        return t->utf8 ? utf8 : ascii;
}
