/* SPDX-License-Identifier: Apache-2.0 */
/* Throws and catches, so that samples fall into the unwinder of the C++ library, and into clean-ups. */

#include <stdexcept>
#include <string>
#include <vector>

static volatile unsigned sink;

__attribute__((noinline)) static void spend() {
        for (unsigned i = 0; i < 20000; i++)
                sink = sink + i;
}

struct Cleaned {
        std::string text;
        explicit Cleaned(unsigned n) : text(n, 'x') {}
        ~Cleaned() { spend(); }
};

__attribute__((noinline)) static unsigned descend(unsigned n) {
        Cleaned c(n + 20);

        if (n == 0)
                throw std::runtime_error("the bottom");
        return descend(n - 1) + static_cast<unsigned>(c.text.size());
}

int main() {
        for (;;) {
                try {
                        sink = sink + descend(20);
                } catch (const std::exception &e) {
                        spend();
                }
        }
}
