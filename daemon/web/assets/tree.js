/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tree
 *
 * The call tree as /api/v1/tree and /api/v1/diff send it, {n: name, f: binary, k: kind, v: value, b: base
 * value, d: kind of change, c: callees}, with what drawing it needs: what called a frame, its colour, and
 * a name for the address.
 */

import { formatChange, formatShare, formatValue } from './format.js';

const COLORS = 8; /* of binaries, c0 to c7 in flame-colors.css */
const LEGEND_MAX = 10;
const CHANGE_LIMITS = [0.05, 0.15]; /* of the whole: shades of more and less */
const MARKS = { new: '\u2605 ', more: '\u25b2 ', less: '\u25bc ', gone: '\u25bc ' };

/* FNV-1a */
function hash(text, start = 0x811c9dc5) {
  let h = start;
  for (let i = 0; i < text.length; i++)
    h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return h;
}

export class Tree {
  constructor(data) {
    this.data = data;
    this.root = data.root;
    this.root.n = this.root.n || 'all';
    this.unit = data.unit_of_value || 'nanoseconds';
    this.isDiff = data.base_total !== undefined || 'b' in data.root;
    this.nodes = [];
    this.byId = new Map();
    this.#walk();
    this.binaries = this.#findBinaries();
  }

  get total() { return this.root.v; }

  /* In the order of a walk from the root: all below a frame follow it. */
  #walk() {
    const stack = [this.root];
    this.root.parent = null;
    while (stack.length > 0) {
      const node = stack.pop(), callees = node.c || [];
      node.index = this.nodes.length;
      node.level = node.parent ? node.parent.level + 1 : 0;
      /* Of the names on the way here: the same in the next answer of the server, too. */
      node.path = node.parent ? hash(`${node.n}\n${node.f || ''}\n${node.k || ''}`, node.parent.path) : hash('');
      node.self = node.v - callees.reduce((sum, callee) => sum + callee.v, 0);
      this.nodes.push(node);
      this.byId.set(node.path.toString(36), node);
      for (let i = callees.length - 1; i >= 0; i--) {
        callees[i].parent = node;
        stack.push(callees[i]);
      }
    }
    for (let i = this.nodes.length - 1; i >= 0; i--) {
      const node = this.nodes[i];
      node.end = Math.max(node.end || 0, node.index);
      if (node.parent)
        node.parent.end = Math.max(node.parent.end || 0, node.end);
    }
  }

  /* A binary has the same colour in all graphs, unless one with more self time took it. */
  #findBinaries() {
    const found = new Map();
    for (const node of this.nodes) {
      if (!node.parent)
        continue;
      const name = this.isKernel(node) ? 'kernel' : node.f || '';
      const binary = found.get(name) || { name, kernel: this.isKernel(node), self: 0 };
      binary.self += node.self;
      found.set(name, binary);
    }
    const binaries = [...found.values()].sort((a, b) => b.self - a.self);
    const taken = new Set();
    this.colors = new Map();
    for (const binary of binaries.filter((b) => b.name && !b.kernel)) {
      let color = hash(binary.name) % COLORS;
      for (let tries = 0; tries < COLORS && taken.has(color); tries++)
        color = (color + 1) % COLORS;
      taken.add(color);
      this.colors.set(binary.name, `c${color}`);
    }
    return binaries.filter((b) => b.self > 0).slice(0, LEGEND_MAX).map((b) => ({ ...b, color: b.kernel ? 'ck' : b.name ? this.colors.get(b.name) : 'cu' }));
  }

  isKernel(node) { return node.k === 'kernel'; }
  isInlined(node) { return node.k === 'inline'; }

  isAbove(node, other) { return node.index <= other.index && other.index <= node.end; }

  find(id) { return this.byId.get(id) || this.root; }
  idOf(node) { return node === this.root ? '' : node.path.toString(36); }

  /* ---- differences ---- */

  share(node) { return this.total > 0 ? node.v / this.total : 0; }

  /* As a share of the whole of today. The server says in which measure the two sides are compared. */
  change(node) {
    const { scale = 1, base_scale: baseScale = 1 } = this.data;
    const whole = this.total * scale;
    return whole > 0 ? (node.v * scale - (node.b || 0) * baseScale) / whole : 0;
  }

  /* "more", "less", "new", "gone" or "noise": where noise ends, the server says. */
  changeKind(node) {
    return node.d || 'noise';
  }

  mark(node) { return this.isDiff ? MARKS[this.changeKind(node)] || '' : ''; }

  colorClass(node) {
    if (!node.parent)
      return 'call';
    if (!this.isDiff)
      return this.isKernel(node) ? 'ck' : !node.f ? 'cu' : this.colors.get(node.f);
    const kind = this.changeKind(node);
    if (kind === 'noise' || kind === 'new')
      return kind === 'new' ? 'new' : 'same';
    const size = Math.abs(this.change(node));
    return (kind === 'more' ? 'more' : 'less') + (1 + CHANGE_LIMITS.filter((limit) => size > limit).length);
  }

  /* ---- words ---- */

  label(node) { return this.mark(node) + node.n; }

  kindWords(node) {
    return this.isInlined(node) ? 'inlined' : this.isKernel(node) ? 'kernel' : node.k === 'unnamed' ? 'no name known' : '';
  }

  /* Line by line: name, binary, value, change. */
  describe(node) {
    const lines = [node.n];
    const where = [node.f && !this.isKernel(node) ? node.f : '', this.kindWords(node)].filter(Boolean).join(', ');
    if (where)
      lines.push(where);
    let value = `${formatValue(node.v, this.unit)}, ${formatShare(node.v, this.total)}`;
    if (node.c && node.c.length > 0 && node.self > 0)
      value += `, self ${formatShare(node.self, this.total)}`;
    lines.push(value);
    if (this.isDiff && node.parent) {
      const kind = this.changeKind(node);
      const words = { noise: ', within noise', new: ', new', gone: ', gone' };
      lines.push(`${this.mark(node)}${formatChange(this.change(node))} of all${words[kind] || ''}`);
    }
    return lines;
  }
}
