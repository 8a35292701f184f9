/* SPDX-License-Identifier: Apache-2.0 */
/* Run in a page: returns sentences about what keeps people from using it. */
const CONTRAST_MIN = 4.5;
const problems = new Set();
const name = (e) => `<${e.localName}${e.id ? ' id=' + e.id : ''}${e.classList.length ? ' class=' + e.classList : ''}> "${(e.textContent || '').trim().slice(0, 30)}"`;
const isShown = (e) => e.checkVisibility() && e.getClientRects().length > 0;
const all = (selector) => [...document.querySelectorAll(selector)];
const wordsOf = (e) => (e.getAttribute('aria-label') || (e.getAttribute('aria-labelledby') || '').split(' ')
  .map((id) => document.getElementById(id)?.textContent || '').join('') || e.textContent || e.getAttribute('title') || '').trim();

/* ---- structure ---- */
if (document.documentElement.localName === 'html') {
  if (!document.documentElement.lang)
    problems.add('the page has no language');
  if (!document.title.trim())
    problems.add('the page has no title');
}
if (all('h1').length !== 1)
  problems.add(`the page has ${all('h1').length} headings of the first level`);
let level = 0;
for (const heading of all('h1, h2, h3, h4').filter(isShown)) {
  const here = Number(heading.localName[1]);
  if (here > level + 1)
    problems.add(`${name(heading)} skips a level of headings`);
  level = here;
}
const ids = all('[id]').map((e) => e.id);
ids.filter((id, i) => ids.indexOf(id) !== i).slice(0, 5).forEach((id) => problems.add(`two elements are called ${id}`));

/* ---- names and roles ---- */
for (const e of all('button, a[href], summary, [role=button]'))
  if (isShown(e) && !wordsOf(e))
    problems.add(`${name(e)} has no name`);
for (const e of all('input:not([type=hidden]), select, textarea'))
  if (isShown(e) && !(e.labels && e.labels.length) && !e.getAttribute('aria-label'))
    problems.add(`${name(e)} has no label`);
for (const e of all('img'))
  if (!e.hasAttribute('alt'))
    problems.add(`${name(e)} has no alternative text`);
for (const e of all('svg')) {
  const role = e.getAttribute('role');
  if (isShown(e) && e.getAttribute('aria-hidden') !== 'true' && (!role || !wordsOf(e)))
    problems.add(`${name(e)} has ${role ? 'no name' : 'no role'}`);
}
for (const e of all('table').filter(isShown)) {
  if (!e.caption && !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby'))
    problems.add(`${name(e)} has no caption`);
  for (const heading of e.querySelectorAll('th'))
    if (!heading.scope)
      problems.add(`${name(heading)} has no scope`);
}
for (const e of all('[role=treeitem]'))
  if (!e.closest('[role=tree]') || !e.getAttribute('aria-level') || !wordsOf(e))
    problems.add(`${name(e)} is a tree item without a tree, a level or a name`);
for (const e of all('[aria-activedescendant], [aria-controls], [aria-labelledby], [aria-describedby]'))
  for (const attribute of ['aria-activedescendant', 'aria-controls', 'aria-labelledby', 'aria-describedby'])
    for (const id of (e.getAttribute(attribute) || '').split(' ').filter(Boolean))
      if (!document.getElementById(id))
        problems.add(`${name(e)} refers to ${id}, which does not exist`);
for (const e of all('[tabindex]'))
  if (Number(e.getAttribute('tabindex')) > 0)
    problems.add(`${name(e)} changes the order of the Tab key`);
for (const e of all('a.skip'))
  if (!document.getElementById(e.hash.slice(1)))
    problems.add(`${name(e)} leads nowhere`);
if (all('[role=status], [aria-live], output').length === 0 && all('input[type=search]').length > 0)
  problems.add('a search says nothing to a screen reader');

/* ---- contrast ---- */
/* Colours may be written as color(srgb …), too: a canvas knows them all. */
const canvas = document.createElementNS('http://www.w3.org/1999/xhtml', 'canvas').getContext('2d', { willReadFrequently: true });
const known = new Map();
function parse(color) {
  if (!known.has(color)) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = '#000';
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    known.set(color, [r, g, b, a / 255]);
  }
  return known.get(color);
}
const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const contrast = (a, b) => {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
};
const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
function background(e) {
  const layers = [];
  for (let at = e; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    const rect = at.localName === 'g' ? at.querySelector(':scope > rect') : null;
    if (rect) {
      const fill = parse(getComputedStyle(rect).fill);
      layers.push([fill[0], fill[1], fill[2], fill[3] * Number(getComputedStyle(rect).fillOpacity) * Number(getComputedStyle(rect).opacity)]);
    }
    layers.push(parse(style.backgroundColor));
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), isDark ? [18, 18, 18, 1] : [255, 255, 255, 1]);
}
const walker = document.createTreeWalker(document.body || document.documentElement, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !isShown(e) || e.closest('title, script, style, :disabled, [aria-hidden=true], .skip'))
    continue;
  const style = getComputedStyle(e), isShape = e.namespaceURI.endsWith('svg');
  const back = background(e);
  const ratio = contrast(over(parse(isShape ? style.fill : style.color), back), back);
  if (ratio < CONTRAST_MIN)
    problems.add(`${name(e)} has a contrast of ${ratio.toFixed(2)} only`);
}
return [...problems].slice(0, 40);
