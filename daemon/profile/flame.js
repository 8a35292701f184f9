/* SPDX-License-Identifier: Apache-2.0 */
/* Zoom, search and keys of a flame graph. What the graph shows is in the SVG itself: its frames stand
   in the order of a walk from the root, so that a frame and all below it are neighbours. */
'use strict';
(() => {
  const XHTML = 'http://www.w3.org/1999/xhtml';
  const ROW = 18;
  const PADDING = 6;
  const EDGE_FRAME_MIN = 8; /* as in flame-graph.c */
  const byId = (id) => document.getElementById(id);
  const svg = byId('flame');
  const frames = [];
  let zoomed, current, flipped = false, term = '';

  function readFrames() {
    const path = [];
    for (const g of svg.querySelectorAll('g.f')) {
      const rect = g.querySelector('rect');
      const lines = g.querySelector('title').textContent.split('\n');
      const f = {
        g, rect, text: g.querySelector('text'), edge: g.querySelector('line'), name: lines[0], detail: lines.join(', '),
        label: g.querySelector('text').getAttribute('data-label') || lines[0],
        index: frames.length, level: Number(g.getAttribute('aria-level')) - 1,
        x: parseFloat(rect.getAttribute('x')), width: parseFloat(rect.getAttribute('width')),
        parent: null, children: [], end: 0, hit: false,
      };
      path.length = f.level;
      f.parent = f.level > 0 ? path[f.level - 1] : null;
      if (f.parent)
        f.parent.children.push(f);
      path[f.level] = f;
      frames.push(f);
      for (const above of path)
        above.end = f.index;
    }
  }

  const isAbove = (f, other) => f.index <= other.index && other.index <= f.end;

  let letter = 0;
  function letterWidth() {
    if (letter === 0) {
      const text = frames[0].text, before = text.textContent;
      text.textContent = 'mmmmmmmmmm';
      letter = text.getComputedTextLength() / 10 || 7;
      text.textContent = before;
    }
    return letter;
  }

  function shorten(label, pixels) {
    const n = Math.floor((pixels - PADDING) / letterWidth());
    if (n < 2)
      return '';
    return label.length <= n ? label : label.slice(0, n - 1) + '\u2026';
  }

  function draw() {
    const pixels = svg.getBoundingClientRect().width || 1200;
    const levels = 1 + frames.reduce((most, f) => Math.max(most, f.level), 0);
    for (const f of frames) {
      const above = isAbove(f, zoomed);
      const shown = above || isAbove(zoomed, f);
      f.g.style.display = shown ? '' : 'none';
      if (!shown)
        continue;
      const x = above ? 0 : (f.x - zoomed.x) / zoomed.width * 100;
      const width = above ? 100 : f.width / zoomed.width * 100;
      const y = (flipped ? levels - 1 - f.level : f.level) * ROW;
      f.rect.setAttribute('x', x + '%');
      f.rect.setAttribute('width', width + '%');
      f.rect.setAttribute('y', y);
      if (f.edge) {
        f.edge.setAttribute('x1', x + '%');
        f.edge.setAttribute('x2', x + '%');
        f.edge.setAttribute('y1', y);
        f.edge.setAttribute('y2', y + ROW - 1);
        f.edge.style.display = width / 100 * pixels < EDGE_FRAME_MIN ? 'none' : '';
      }
      f.text.setAttribute('x', x + '%');
      f.text.setAttribute('y', y + 13);
      f.text.textContent = shorten(f.label, width / 100 * pixels);
      f.g.classList.toggle('above', above && f !== zoomed);
      f.g.setAttribute('aria-expanded', f.children.length > 0);
    }
  }

  function showCrumbs() {
    const box = byId('crumbs');
    box.textContent = '';
    for (let f = zoomed; f; f = f.parent) {
      const button = document.createElementNS(XHTML, 'button');
      button.textContent = f.name.length > 40 ? f.name.slice(0, 39) + '\u2026' : f.name;
      button.title = f.name;
      button.addEventListener('click', () => go(f));
      if (box.firstChild)
        box.prepend(' \u203a ');
      box.prepend(button);
    }
    byId('reset').disabled = zoomed === frames[0];
  }

  function find() {
    let pattern = null;
    if (term) {
      try {
        pattern = new RegExp(term, 'i');
      } catch (error) {
        pattern = new RegExp(term.replace(/[^\w]/g, '\\$&'), 'i');
      }
    }
    let share = 0, n = 0, covered = -1;
    for (const f of frames) {
      f.hit = pattern !== null && pattern.test(f.name);
      f.g.classList.toggle('hit', f.hit);
      if (!f.hit || !isAbove(zoomed, f) && !isAbove(f, zoomed))
        continue;
      n++;
      if (f.index <= covered) /* below another match: counted with it */
        continue;
      share += isAbove(f, zoomed) ? 100 : f.width / zoomed.width * 100;
      covered = Math.max(covered, f.end);
    }
    byId('matched').textContent = pattern ? 'Matched: ' + Math.min(share, 100).toFixed(1) + '% in ' + n +
      (n === 1 ? ' frame' : ' frames') : '';
  }

  function select(f, focus) {
    if (current)
      current.g.setAttribute('tabindex', '-1');
    current = f;
    f.g.setAttribute('tabindex', '0');
    if (focus)
      f.g.focus({ preventScroll: false });
    byId('detail').textContent = f.detail;
  }

  function show() {
    draw();
    showCrumbs();
    find();
  }

  /* The address keeps what is shown: the Back button works, and a view can be passed on. */
  function remember() {
    const state = new URLSearchParams();
    if (zoomed !== frames[0])
      state.set('zoom', zoomed.index);
    if (term)
      state.set('search', term);
    if (flipped)
      state.set('flip', '1');
    const hash = '#' + state.toString();
    if (hash !== (location.hash || '#'))
      location.hash = hash;
  }

  function recall() {
    const state = new URLSearchParams(location.hash.slice(1));
    zoomed = frames[Number(state.get('zoom'))] || frames[0];
    term = state.get('search') || '';
    flipped = state.get('flip') === '1';
    byId('search').value = term;
    show();
  }

  function go(f) {
    zoomed = f;
    select(f, false);
    show();
    remember();
  }

  function neighbour(f, step) {
    const visible = frames.filter((other) => other.level === f.level && other.g.style.display !== 'none');
    return visible[visible.indexOf(f) + step];
  }

  function reset() {
    term = '';
    byId('search').value = '';
    go(frames[0]);
  }

  function onKey(event) {
    const typing = event.target === byId('search');
    const up = flipped ? 'ArrowDown' : 'ArrowUp', down = flipped ? 'ArrowUp' : 'ArrowDown';
    let next;
    if (event.ctrlKey || event.altKey || event.metaKey)
      return;
    if (event.key === 'Escape') {
      reset();
      if (typing)
        event.target.blur();
    } else if (typing)
      return;
    else if (event.key === '/') {
      byId('search').focus();
    } else if (event.target.localName === 'button' || event.target.localName === 'summary')
      return;
    else if (event.key === 'Enter')
      go(current);
    else if (event.key === 'Backspace')
      go(zoomed.parent || zoomed);
    else if (event.key === up)
      next = current.parent;
    else if (event.key === down)
      next = current.children.find((f) => f.g.style.display !== 'none');
    else if (event.key === 'ArrowLeft')
      next = neighbour(current, -1);
    else if (event.key === 'ArrowRight')
      next = neighbour(current, 1);
    else
      return;
    if (next)
      select(next, true);
    event.preventDefault();
  }

  readFrames();
  for (const f of frames) {
    f.g.addEventListener('click', () => go(f));
    f.g.addEventListener('mouseenter', () => { byId('detail').textContent = f.detail; });
    f.g.addEventListener('focus', () => { byId('detail').textContent = f.detail; });
  }
  byId('search').addEventListener('input', (event) => {
    term = event.target.value;
    find();
  });
  byId('search').addEventListener('change', remember);
  byId('reset').addEventListener('click', reset);
  byId('flip').addEventListener('click', () => {
    flipped = !flipped;
    draw();
    remember();
  });
  document.addEventListener('keydown', onKey);
  window.addEventListener('resize', draw);
  window.addEventListener('hashchange', recall);
  select(frames[0], false);
  recall();
})();
