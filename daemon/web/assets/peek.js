/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callers and Callees
 *
 * Below the row of a function, once it is asked for. The row says by data-peek where the answer is.
 */

import { button, element, fetchJson } from './dom.js';
import { formatShare } from './format.js';

function side(title, rows, total) {
  const list = element('ul', {}, ...rows.map((row) => element('li', {},
    element('span', { class: 'share' }, formatShare(row.value, total)), ` ${row.name || '[unknown]'}`,
    row.binary ? element('span', { class: 'soft' }, ` ${row.binary}`) : null)));
  return element('div', {}, element('h3', {}, title), rows.length > 0 ? list : element('p', { class: 'soft' }, 'none'));
}

/* Shares of the time that goes through the function: who brings it here, and where it goes on to. */
function panel({ functions = [] }) {
  if (functions.length === 0)
    return element('p', { class: 'soft' }, 'The function is no longer in this range.');
  const [{ callers, callees, self, cumulative }] = functions;
  const itself = self > 0 ? [{ name: '(itself)', value: self }] : [];
  return element('div', { class: 'peek' }, side('Called by', callers, cumulative),
    side('Calls', [...callees, ...itself].sort((a, b) => b.value - a.value), cumulative));
}

async function toggle(row, control) {
  const open = control.getAttribute('aria-expanded') === 'true';
  control.setAttribute('aria-expanded', String(!open));
  if (open) {
    row.nextElementSibling?.classList.contains('peek') && row.nextElementSibling.remove();
    return;
  }
  const cell = element('td', { colspan: row.cells.length }, 'Looking\u2026');
  row.after(element('tr', { class: 'peek' }, cell));
  try {
    cell.replaceChildren(panel(await fetchJson(row.dataset.peek)));
  } catch (error) {
    cell.replaceChildren(element('p', { class: 'warning' }, error.message));
  }
}

export function improvePeek(root) {
  for (const row of root.querySelectorAll('tr[data-peek]')) {
    const cell = row.querySelector('td.function') || row.cells[row.cells.length - 1];
    const control = button('', () => toggle(row, control), { class: 'plain', 'aria-expanded': 'false' });
    control.append(...cell.childNodes);
    cell.replaceChildren(control);
  }
}
