/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flame Graph
 *
 * d3-flame-graph draws; this gives it colours, keys, words for screen readers, a search, and a place
 * in the history of the browser.
 */

import flamegraph from 'd3-flame-graph';
import { select, selection } from 'd3-selection';
import { buildCallTree } from './call-tree.js';
import { button, element, isTyping, shape } from './dom.js';
import { formatShare } from './format.js';
import { search } from './search.js';
import { onState, readState, writeState } from './state.js';
import { makeTip } from './tip.js';

const ROW = 18; /* pixels, as in the graph that the server draws */
const EDGE = 3; /* pixels: the mark of inlined frames */
const LABEL_MIN = 35; /* pixels: narrower frames have no name on them */
const NAMED_AT_ONCE = 500;
const FRAME_MIN = 1; /* pixels: narrower ones are not drawn until they are zoomed into */
const CRUMB_MAX = 40; /* characters */
const TYPING_MS = 120;
const KEYS = 'Keys: / searches, Enter goes to the next match; in the graph, arrows move, Enter zooms, ' +
  'Backspace goes back out, Esc resets.';

/* Nothing moves: to animate thousands of frames takes longer than to draw them, and who asked for
   reduced motion gets it. What the chart says of its transitions is done at once. */
selection.prototype.transition = selection.prototype.duration = selection.prototype.ease = selection.prototype.delay =
  function () { return this; };

function shorten(text, n) {
  return text.length > n ? `${text.slice(0, n - 1)}\u2026` : text;
}

export class FlameView {
  constructor(place, tree) {
    this.place = place;
    this.tree = tree;
    this.zoomed = this.current = tree.root;
    this.term = '';
    this.hits = new Set();
    this.flipped = false;
    this.#build();
    this.#draw();
    this.recall();
    this.#describe(this.zoomed);
    onState(() => this.recall());
    document.addEventListener('keydown', (event) => this.#onKey(event));
    new ResizeObserver(() => this.#onResize()).observe(this.box);
  }

  /* ---- what is around the graph ---- */

  #build() {
    this.input = element('input', {
      type: 'search', id: 'search', placeholder: 'name or regular expression', autocomplete: 'off', spellcheck: 'false',
      oninput: () => this.#onTyping(),
    });
    this.matched = element('output', { id: 'matched', for: 'search', role: 'status', 'aria-live': 'polite' });
    this.next = button('Next match', () => this.nextMatch(), { hidden: true });
    this.resetButton = button('Reset zoom', () => this.reset(), { id: 'reset' });
    this.flipButton = button('Root below', () => this.flip(), { id: 'flip', 'aria-pressed': 'false' });
    this.crumbs = element('nav', { id: 'crumbs', 'aria-label': 'Path to the zoomed frame' });
    this.detail = element('p', { id: 'detail', class: 'soft' });
    this.box = element('div', { id: 'graph' });
    const label = `Flame graph of ${this.tree.data.unit || 'the profile'}: ${this.summary()}`;
    document.querySelector('p.legend')?.remove(); /* of the picture that stood here */
    this.place.replaceChildren(
      element('a', { class: 'skip', href: '#after-flame' }, 'Skip the graph'),
      element('div', { class: 'tools', role: 'search' },
        element('label', {}, 'Search ', this.input), this.matched, this.next,
        element('span', { class: 'right' }, this.flipButton, this.resetButton)),
      this.crumbs, this.#legend(), this.detail, this.box,
      element('p', { class: 'soft small' }, this.summary(), ' ', KEYS),
      buildCallTree(this.tree),
      element('span', { id: 'after-flame', tabindex: '-1' }));
    this.label = label;
    this.tip = makeTip((d) => this.tree.describe(d.data));
  }

  summary() {
    const { folded = 0, folded_nodes: nFolded = 0, min = 0 } = this.tree.data, n = this.tree.nodes.length;
    const frames = `${n.toLocaleString('en')} ${n === 1 ? 'frame' : 'frames'}`;
    if (nFolded === 0)
      return `${frames}.`;
    return `${frames}; ${nFolded.toLocaleString('en')} under ${formatShare(min, 1)} of the whole, which make up ` +
      `${formatShare(folded, 1)}, are folded into their callers.`;
  }

  #legend() {
    const chip = (color, words, share) => element('li', {}, element('span', { class: `chip ${color}` }), words,
      share ? element('span', { class: 'soft' }, ` ${share}`) : null);
    const list = element('ul', { id: 'legend', 'aria-label': 'Colours' });
    if (this.tree.isDiff)
      list.append('Width: after. Colour: ', chip('more2', '\u25b2 more'), chip('less2', '\u25bc less'),
        chip('new', '\u2605 new'), chip('same', 'within noise'));
    else
      list.append('Self time by binary: ', ...this.tree.binaries.map((binary) =>
        chip(binary.color, binary.name || 'unknown', formatShare(binary.self, this.tree.total))));
    if (this.tree.nodes.some((node) => this.tree.isInlined(node)))
      list.append(chip('inlined', 'inlined into its caller'));
    return list;
  }

  /* ---- the graph ---- */

  #draw() {
    this.chart = flamegraph().cellHeight(ROW).inverted(true).minFrameSize(FRAME_MIN)
      .width(this.#width()).height(this.#height())
      .getName((d) => this.tree.label(d.data))
      .setColorMapper(() => null)
      .tooltip(this.tip)
      .onHover((d) => this.#describe(d.data))
      .onClick((d) => this.#onClick(d.data));
    select(this.box).datum(this.tree.root).call(this.chart);
    this.svg = this.box.querySelector('svg');
    this.svg.querySelector('.title').remove();
    for (const [key, value] of Object.entries({ role: 'tree', tabindex: '0', 'aria-label': this.label }))
      this.svg.setAttribute(key, value);
    this.svg.addEventListener('focus', () => this.#select(this.current));
    this.nodeOf = new Map();
    select(this.box).datum().each((d) => this.nodeOf.set(d.data, d));
    this.#decorate();
  }

  #width() {
    return Math.max(200, this.box.clientWidth || 960);
  }

  #height() {
    const min = FRAME_MIN / this.#width() * this.zoomed.v;
    let levels = this.zoomed.level + 1;
    for (let i = this.zoomed.index; i <= this.zoomed.end; i++)
      if (this.tree.nodes[i].v > min)
        levels = Math.max(levels, this.tree.nodes[i].level + 1);
    return levels * ROW;
  }

  #update() {
    const height = this.#height();
    this.svg.setAttribute('height', height);
    this.chart.width(this.#width()).height(height).update();
    this.#decorate();
  }

  /* Of each frame that is drawn: its colour, and whether there is room for its name. */
  #decorate() {
    const { tree } = this;
    this.drawn = [];
    this.groupOf = new Map();
    select(this.svg).selectAll('g.frame').each((d, i, groups) => {
      const group = groups[i], node = d.data;
      (this.drawn[node.level] = this.drawn[node.level] || []).push(node);
      this.groupOf.set(node, group);
      group.firstChild.setAttribute('class', `${tree.colorClass(node)}${this.hits.has(node) ? ' hit' : ''}` +
        `${node === this.current ? ' current' : ''}`);
      const hasRoom = group.getAttribute('width') >= LABEL_MIN;
      if (hasRoom !== group.hasRoom) {
        group.hasRoom = hasRoom;
        group.querySelector('foreignObject').style.display = hasRoom ? '' : 'none';
      }
      if (tree.isInlined(node)) {
        group.edge = group.edge || group.appendChild(shape('rect', { class: 'edge', height: ROW }));
        group.edge.setAttribute('width', Math.min(EDGE, group.getAttribute('width') / 2));
      }
    });
    for (const level of this.drawn)
      level?.sort((a, b) => a.index - b.index);
    clearTimeout(this.naming);
    this.naming = setTimeout(() => this.#nameFrames([...this.groupOf]), 0);
  }

  /* Words for screen readers, once there is something to see; some at a time. */
  #nameFrames(pairs) {
    for (const [node, group] of pairs.splice(0, NAMED_AT_ONCE))
      this.#nameFrame(node, group);
    if (pairs.length > 0)
      this.naming = setTimeout(() => this.#nameFrames(pairs), 0);
    else
      this.place.dataset.named = '1';
  }

  #nameFrame(node, group) {
    if (group.id)
      return;
    group.id = `frame-${node.index}`;
    group.setAttribute('role', 'treeitem');
    group.setAttribute('aria-level', node.level + 1);
    group.setAttribute('aria-label', this.tree.describe(node).join(', '));
    if (node.c && node.c.length > 0)
      group.setAttribute('aria-expanded', 'true');
  }

  #rectOf(node) {
    return this.groupOf.get(node)?.firstChild;
  }

  #onResize() {
    if (Math.abs(this.#width() - this.chart.width()) >= 1)
      this.#update();
  }

  /* ---- where we are ---- */

  #describe(node) {
    this.detail.textContent = this.tree.describe(node).join(' \u00b7 ');
  }

  #select(node) {
    this.#rectOf(this.current)?.classList.remove('current');
    this.current = node;
    const group = this.groupOf.get(node);
    if (group) {
      this.#nameFrame(node, group);
      group.firstChild.classList.add('current');
      this.svg.setAttribute('aria-activedescendant', group.id);
    }
    this.#describe(node);
  }

  #reveal() {
    this.#rectOf(this.current)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  #onClick(node) {
    if (this.isMoving)
      return;
    this.zoomed = node;
    this.#arrive();
    writeState({ zoom: this.tree.idOf(node) }, true);
  }

  /* After the chart has been told. */
  #arrive() {
    this.#update();
    this.#select(this.zoomed);
    this.#showCrumbs();
    this.#showMatches();
  }

  #zoom(node) {
    for (const each of this.tree.nodes)
      each.hide = each.fade = false;
    this.zoomed = node;
    this.isMoving = true;
    this.chart.zoomTo(this.nodeOf.get(node));
    this.isMoving = false;
    this.#arrive();
  }

  go(node) {
    if (node === this.zoomed)
      return;
    this.#zoom(node);
    writeState({ zoom: this.tree.idOf(node) }, true);
  }

  reset() {
    this.term = this.input.value = '';
    this.#find();
    writeState({ search: '' }, false);
    this.go(this.tree.root);
  }

  flip() {
    this.#setFlipped(!this.flipped);
    writeState({ flip: this.flipped ? '1' : '' }, false);
  }

  #setFlipped(flipped) {
    this.flipped = flipped;
    this.flipButton.setAttribute('aria-pressed', String(flipped));
    this.chart.inverted(!flipped);
    this.#update();
  }

  recall() {
    const state = readState();
    const node = this.tree.find(state.get('zoom'));
    this.term = this.input.value = state.get('search') ?? new URLSearchParams(location.search).get('search') ?? '';
    if ((state.get('flip') === '1') !== this.flipped)
      this.#setFlipped(!this.flipped);
    this.#find();
    if (node !== this.zoomed)
      this.#zoom(node);
    this.#showCrumbs();
  }

  #showCrumbs() {
    const path = [];
    for (let node = this.zoomed; node; node = node.parent)
      path.unshift(node);
    this.crumbs.replaceChildren(...path.flatMap((node, i) => [
      i > 0 ? ' \u203a ' : '',
      node === this.zoomed ? element('span', { 'aria-current': 'true', title: node.n }, shorten(node.n, CRUMB_MAX)) :
        button(shorten(node.n, CRUMB_MAX), () => this.go(node), { class: 'plain', title: node.n }),
    ]));
    this.resetButton.disabled = this.zoomed === this.tree.root;
  }

  /* ---- search ---- */

  #onTyping() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => {
      this.term = this.input.value;
      this.#find();
      writeState({ search: this.term }, false);
    }, TYPING_MS);
  }

  #find() {
    const before = this.hits;
    this.hits = new Set(search(this.tree, this.term, this.zoomed).hits);
    for (const node of before)
      this.#rectOf(node)?.classList.remove('hit');
    for (const node of this.hits)
      this.#rectOf(node)?.classList.add('hit');
    this.svg.classList.toggle('searched', this.hits.size > 0);
    this.#showMatches();
  }

  #showMatches() {
    const { hits, value } = search(this.tree, this.term, this.zoomed);
    this.next.hidden = hits.length === 0;
    this.matched.textContent = this.term ? `${formatShare(value, this.zoomed.v)} matched in ${hits.length} ` +
      (hits.length === 1 ? 'frame' : 'frames') : '';
  }

  /* Zooms where the match would be too narrow to be seen. */
  nextMatch() {
    const hits = [...this.hits].sort((a, b) => a.index - b.index);
    if (hits.length === 0)
      return;
    const node = hits.find((hit) => hit.index > this.current.index) || hits[0];
    if (!this.#rectOf(node) || !this.tree.isAbove(this.zoomed, node))
      this.go(node);
    else
      this.#select(node);
    this.#reveal();
  }

  /* ---- keys ---- */

  #neighbour(key) {
    const { current, drawn } = this;
    const [up, down] = this.flipped ? ['ArrowDown', 'ArrowUp'] : ['ArrowUp', 'ArrowDown'];
    const row = drawn[current.level] || [];
    if (key === up)
      return current.parent;
    if (key === down)
      return (current.c || []).filter((callee) => this.#rectOf(callee)).sort((a, b) => b.v - a.v)[0];
    if (key === 'ArrowLeft')
      return row[row.indexOf(current) - 1];
    if (key === 'ArrowRight')
      return row[row.indexOf(current) + 1];
    if (key === 'Home')
      return this.zoomed;
    return null;
  }

  #onGraphKey(key) {
    if (key === 'Enter' || key === ' ') {
      this.go(this.current);
      return true;
    }
    if (key === 'Backspace') {
      this.go(this.zoomed.parent || this.zoomed);
      return true;
    }
    if (!key.startsWith('Arrow') && key !== 'Home')
      return false;
    const next = this.#neighbour(key);
    if (next) {
      this.#select(next);
      this.#reveal();
    }
    return true;
  }

  #onKey(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented)
      return;
    if (target === this.input && key === 'Enter') {
      this.term = this.input.value;
      this.#find();
      writeState({ search: this.term }, false);
      this.nextMatch();
    } else if (key === 'Escape' && (target === this.input || !isTyping(target))) {
      this.reset();
      if (target === this.input)
        this.svg.focus({ preventScroll: true });
    } else if (isTyping(target)) {
      return;
    } else if (key === '/') {
      this.input.focus();
      this.input.select();
    } else if (target !== this.svg || !this.#onGraphKey(key)) {
      return;
    }
    event.preventDefault();
  }
}
