/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callers and Callees
 *
 * The name of a function leads to a page about it. With a script it opens below its row instead; who
 * wants the page asks for another tab, as with any link.
 */

import { element, fetchJson } from './dom.js';
import { formatShare } from './format.js';

function pageOf(link, name) {
  const url = new URL(link.href);
  url.searchParams.set('function', name);
  return url.pathname + url.search;
}

/* The range and all else stand in the link, the unit in its path. */
function questionOf(link) {
  const url = new URL(link.href);
  url.searchParams.set('unit', decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf('/') + 1)));
  return `/api/v1/peek?${url.searchParams}`;
}

function side(title, rows, total, link) {
  const list = element('ul', {}, ...rows.map(({ name, binary, value, own }) => element('li', {},
    element('span', { class: 'share' }, formatShare(value, total)), ' ',
    own || !name ? element('em', {}, own ? 'itself' : 'start of the thread') : element('a', { href: pageOf(link, name) }, name),
    binary ? element('span', { class: 'soft' }, ` ${binary}`) : null)));
  return element('div', {}, element('h3', {}, title), rows.length > 0 ? list : element('p', { class: 'soft' }, 'none'));
}

/* Shares of the time that goes through the function: who brings it here, and where it goes on to. */
function panels({ functions = [] }, link) {
  if (functions.length === 0)
    return [element('p', { class: 'soft' }, 'It has not been sampled in this range.')];
  return functions.map(({ callers, callees, self, cumulative }) => {
    const itself = self > 0 ? [{ own: true, value: self }] : [];
    return element('div', { class: 'peek' }, side('Callers', callers, cumulative, link),
      side('Callees', [...callees, ...itself].sort((a, b) => b.value - a.value), cumulative, link));
  });
}

async function toggle(row, link) {
  const open = link.getAttribute('aria-expanded') === 'true';
  link.setAttribute('aria-expanded', String(!open));
  if (open) {
    if (row.nextElementSibling?.classList.contains('peek'))
      row.nextElementSibling.remove();
    return;
  }
  const cell = element('td', { colspan: row.cells.length }, 'Looking\u2026');
  row.after(element('tr', { class: 'peek' }, cell));
  try {
    cell.replaceChildren(...panels(await fetchJson(questionOf(link)), link));
  } catch (error) {
    cell.replaceChildren(element('p', { class: 'warning', role: 'alert' }, error.message));
  }
}

export function improvePeek(root) {
  for (const link of root.querySelectorAll('#top td.name a')) {
    link.setAttribute('aria-expanded', 'false');
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0)
        return;
      event.preventDefault();
      toggle(link.closest('tr'), link);
    });
  }
}
