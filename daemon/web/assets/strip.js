/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strip
 *
 * The load over time, a bar for each profile. A stretch of it is chosen by dragging, or by the arrow
 * keys with Shift, and becomes the range of the page.
 */

import { element, fetchJson, shape } from './dom.js';
import { formatClock, formatTime } from './format.js';
import { pageWith } from './state.js';

const HEIGHT = 64, AXIS = 16, BAR_MIN = 1; /* pixels */
const DRAG_MIN = 4; /* pixels: less is a click */
const TICK_WIDTH = 120; /* pixels */

/* Busy cores, or waiting threads. */
function rateOf(bar) {
  return bar.d > 0 ? bar.v / (bar.d * 1000) : 0;
}

/* Exact, so that no neighbour is taken for a part of it. */
function stamp(usec) {
  return `@${Math.floor(usec / 1e6)}.${String(usec % 1e6).padStart(6, '0')}`;
}

export class StripView {
  constructor(place, bars, type) {
    this.place = place;
    this.unit = type === 'offcpu' ? 'threads waiting' : 'cores';
    this.bars = bars;
    this.start = Math.min(...bars.map((bar) => bar.t));
    this.end = Math.max(...bars.map((bar) => bar.t + bar.d));
    this.most = Math.max(...bars.map(rateOf), 1e-9);
    this.cursor = this.anchor = null;
    this.#build();
    this.#draw();
    new ResizeObserver(() => this.#draw()).observe(place);
  }

  get span() { return Math.max(1, this.end - this.start); }

  #build() {
    const words = `Load from ${formatTime(this.start)} to ${formatTime(this.end)}, at most ${this.most.toFixed(2)} ${this.unit}. ` +
      'Arrows move, with Shift they choose a range, Enter shows it.';
    this.svg = shape('svg', { height: HEIGHT + AXIS, width: '100%', tabindex: '0', role: 'slider',
      'aria-label': words, 'aria-valuemin': '0', 'aria-valuemax': String(this.bars.length - 1), 'aria-valuenow': '0',
      'aria-valuetext': formatTime(this.start) });
    this.said = element('p', { class: 'soft small', role: 'status', 'aria-live': 'polite' }, this.#hint());
    this.place.replaceChildren(this.svg, this.said);
    this.svg.addEventListener('pointerdown', (event) => this.#onDown(event));
    this.svg.addEventListener('pointermove', (event) => this.#onMove(event));
    this.svg.addEventListener('pointerup', (event) => this.#onUp(event));
    this.svg.addEventListener('pointercancel', () => this.#cancel());
    this.svg.addEventListener('keydown', (event) => this.#onKey(event));
  }

  #hint() {
    return `Highest: ${this.most.toFixed(2)} ${this.unit}. Drag over a stretch of time to look at it alone.`;
  }

  #x(usec) { return (usec - this.start) / this.span * this.width; }

  #draw() {
    this.width = Math.max(100, this.place.clientWidth);
    const bars = this.bars.map((bar) => {
      const height = rateOf(bar) / this.most * (HEIGHT - 4);
      return shape('rect', { class: 'bar', x: this.#x(bar.t), y: HEIGHT - height, height,
        width: Math.max(BAR_MIN, this.#x(bar.t + bar.d) - this.#x(bar.t) - (this.width / this.bars.length > 4 ? 1 : 0)) });
    });
    const ticks = Math.max(1, Math.floor(this.width / TICK_WIDTH));
    const axis = Array.from({ length: ticks + 1 }, (_, i) => shape('text', {
      x: i / ticks * this.width, y: HEIGHT + AXIS - 3, 'text-anchor': i === 0 ? 'start' : i === ticks ? 'end' : 'middle',
    }, formatClock(this.start + i / ticks * this.span, this.span)));
    this.choice = shape('rect', { class: 'choice', y: 0, height: HEIGHT, x: 0, width: 0 });
    this.svg.replaceChildren(...bars, shape('line', { class: 'base', x1: 0, x2: this.width, y1: HEIGHT, y2: HEIGHT }),
      ...axis, this.choice);
    this.#showChoice();
  }

  /* ---- pointer ---- */

  #timeAt(event) {
    const { left, width } = this.svg.getBoundingClientRect();
    return this.start + Math.min(1, Math.max(0, (event.clientX - left) / width)) * this.span;
  }

  #onDown(event) {
    if (event.button !== 0)
      return;
    this.svg.setPointerCapture(event.pointerId);
    this.downX = event.clientX;
    this.anchor = this.cursor = this.#timeAt(event);
  }

  #onMove(event) {
    const usec = this.#timeAt(event);
    if (this.downX === undefined) {
      const bar = this.bars.find((each) => each.t <= usec && usec < each.t + each.d);
      this.said.textContent = bar ? `${formatTime(bar.t)}: ${rateOf(bar).toFixed(2)} ${this.unit}` : this.#hint();
      return;
    }
    this.cursor = usec;
    this.#showChoice();
  }

  #onUp(event) {
    const far = this.downX !== undefined && Math.abs(event.clientX - this.downX) >= DRAG_MIN;
    this.downX = undefined;
    if (far)
      this.#go();
    else
      this.#cancel();
  }

  #cancel() {
    this.downX = undefined;
    this.anchor = this.cursor = null;
    this.#showChoice();
  }

  /* ---- keys ---- */

  #barAt(usec) {
    return Math.max(0, this.bars.findLastIndex ? this.bars.findLastIndex((bar) => bar.t <= usec) : 0);
  }

  #onKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step !== undefined) {
      const i = this.cursor === null ? (step > 0 ? 0 : this.bars.length - 1) :
        Math.min(this.bars.length - 1, Math.max(0, this.#barAt(this.cursor) + step));
      this.cursor = this.bars[i].t;
      if (!event.shiftKey || this.anchor === null)
        this.anchor = this.cursor;
      this.svg.setAttribute('aria-valuenow', String(i));
      this.svg.setAttribute('aria-valuetext', `${formatTime(this.bars[i].t)}, ${rateOf(this.bars[i]).toFixed(2)} ${this.unit}`);
      this.#showChoice();
    } else if (event.key === 'Enter' && this.cursor !== null) {
      this.#go();
    } else if (event.key === 'Escape' && this.cursor !== null) {
      this.#cancel();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /* ---- what is chosen ---- */

  /* Whole bars: a profile is the smallest stretch there is. */
  #range() {
    const from = Math.min(this.anchor, this.cursor), to = Math.max(this.anchor, this.cursor);
    const inside = this.bars.filter((bar) => bar.t < to && bar.t + bar.d > from || bar.t === from);
    return inside.length > 0 ? [inside[0].t, inside[inside.length - 1].t + inside[inside.length - 1].d] : [from, to];
  }

  #showChoice() {
    if (this.anchor === null) {
      this.choice.setAttribute('width', 0);
      this.said.textContent = this.#hint();
      return;
    }
    const [from, to] = this.#range();
    this.choice.setAttribute('x', this.#x(from));
    this.choice.setAttribute('width', Math.max(BAR_MIN, this.#x(to) - this.#x(from)));
    this.said.textContent = `From ${formatTime(from)} to ${formatTime(to)}`;
  }

  #go() {
    const [from, to] = this.#range();
    location.assign(pageWith({ from: stamp(from), to: stamp(to) }));
  }
}

export async function improveStrip(place) {
  const answer = await fetchJson(place.dataset.strip);
  const bars = (Array.isArray(answer) ? answer : answer.strip || []).sort((a, b) => a.t - b.t);
  if (bars.length > 0)
    place.view = new StripView(place, bars, answer.type);
}
