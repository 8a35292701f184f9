/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people */

const SECOND = 1e9, MILLISECOND = 1e6;
const KIB = 1024;

function scaled(value, size, suffix) {
  const v = value / size;
  return `${v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2)} ${suffix}`;
}

export function formatValue(value, unit) {
  const size = Math.abs(value);
  if (unit === 'nanoseconds')
    return size >= SECOND ? scaled(value, SECOND, 's') : scaled(value, MILLISECOND, 'ms');
  if (unit === 'bytes') {
    const power = size >= KIB ** 3 ? 3 : size >= KIB ** 2 ? 2 : 1;
    return scaled(value, KIB ** power, ['', 'KiB', 'MiB', 'GiB'][power]);
  }
  return `${value.toLocaleString('en')} ${unit === 'count' || !unit ? 'samples' : unit}`;
}

export function formatShare(part, whole) {
  const percent = whole > 0 ? part / whole * 100 : 0;
  return `${percent >= 99.95 || percent < 0.0005 ? percent.toFixed(0) : percent >= 10 ? percent.toFixed(1) : percent.toFixed(2)}%`;
}

export function formatChange(change) {
  return `${change < 0 ? '\u2212' : '+'}${(Math.abs(change) * 100).toFixed(2)}%`;
}

/* In the host's time, which is how the server writes it, too. */
export function formatTime(usec) {
  const date = new Date(usec / 1000);
  const two = (n) => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/* Clock for the axis of a stretch of time: with a date where it is longer than a day. */
export function formatClock(usec, spanUsec) {
  const text = formatTime(usec);
  return spanUsec > 86400e6 ? text.slice(5, 16) : spanUsec > 600e6 ? text.slice(11, 16) : text.slice(11);
}
