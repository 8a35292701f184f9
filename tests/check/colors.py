#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Text can be read on every colour, and colours that mean something are told apart by all eyes.

Contrast as WCAG 2 has it. What people see who lack a kind of cone is worked out with the matrices of
Machado, Oliveira and Fernandes (2009); how far two colours are apart, in CIE Lab.
"""

import itertools
import math
import re

import guard

COLORS = "daemon/profile/flame-colors.css"
PAGE = "daemon/web/assets/page.css"
CONTRAST_MIN = 4.5
BORDER_MIN = 3.0  # of what is no text: bars, borders of fields, the mark of a match

EYES = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
                   (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
                     (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
                   (0.004733, 0.691367, 0.303900)),
}
BINARIES = [f"c{i}" for i in range(8)]
MORE, LESS = ["more1", "more2", "more3"], ["less1", "less2", "less3"]
FILLS = [*BINARIES, "kernel", "unknown", "all", *MORE, *LESS, "same", "new"]
# What is written on what; and what only has to be seen on it.
TEXTS = [("text", "page"), ("text", "panel"), ("text", "warn"), ("soft", "page"), ("soft", "panel"), ("soft", "warn"),
         ("accent", "page"), ("accent", "panel"), ("bad", "page"), ("bad", "panel"),
         *(("text", fill) for fill in FILLS)]
SHAPES = [("bar", "page"), ("choice", "page"), ("hit", "page"), ("field", "page"), ("warn-line", "page")]
# Colours of one set mean the same. How far the sets are apart in CIE Lab, where 2 can just be seen.
GROUPS = [([MORE, LESS, ["same"], ["new"]], 10.0),
          ([[name] for name in (*BINARIES, "kernel", "unknown")], 6.0)]


def channel(hexadecimal):
    c = int(hexadecimal, 16) / 255
    return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4


def linear(color):
    digits = color.lstrip("#")
    digits = "".join(2 * c for c in digits) if len(digits) == 3 else digits
    return tuple(channel(digits[i:i + 2]) for i in (0, 2, 4))


def luminance(color):
    r, g, b = linear(color)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def seen(color, eye):
    return tuple(min(1, max(0, sum(m * c for m, c in zip(row, linear(color))))) for row in eye)


def lab(rgb):
    r, g, b = rgb
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089
    fx, fy, fz = (c ** (1 / 3) if c > 0.008856 else 7.787 * c + 16 / 116 for c in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def schemes():
    """Variables of the light and of the dark scheme."""
    light, dark = {}, {}
    for path in (COLORS, PAGE):
        text = guard.read(path)
        night = re.search(r"@media \(prefers-color-scheme: dark\) \{(.*?)\n\}", text, re.DOTALL)
        for scheme, part in ((light, text.replace(night[0], "")), (dark, night[1])):
            scheme.update(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", part))
    return {"light": light, "dark": {**light, **dark}}


def check(scheme, colors):
    for pairs, least in ((TEXTS, CONTRAST_MIN), (SHAPES, BORDER_MIN)):
        for front, back in pairs:
            ratio = contrast(colors[front], colors[back])
            if ratio < least:
                guard.complain(PAGE, 0, f"{scheme}: --{front} on --{back} has a contrast of {ratio:.2f}, needs {least}")
    for eye, matrix in EYES.items():
        for group, least in GROUPS:
            for one, other in itertools.combinations(group, 2):
                for a, b in itertools.product(one, other):
                    distance = math.dist(lab(seen(colors[a], matrix)), lab(seen(colors[b], matrix)))
                    if distance < least:
                        guard.complain(COLORS, 0, f"{scheme}, {eye}: --{a} and --{b} are only {distance:.1f} apart, "
                                                  f"needs {least}")


if __name__ == "__main__":
    for scheme, colors in schemes().items():
        check(scheme, colors)
    guard.finish()
