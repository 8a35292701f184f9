/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables
 *
 * Headings that sort, and a filter above tables that are long. The server has sorted them already, and
 * where it offers links for another order, these are followed without a script only.
 */

import { button, element } from './dom.js';
import { makePattern } from './search.js';

const FILTER_ROWS = 12; /* shorter tables are seen at once */

function cellValue(row, column) {
  const cell = row.cells[column];
  const text = cell?.dataset.value ?? cell?.textContent.trim() ?? '';
  const number = parseFloat(text.replace(/[\s,\u202f\u00a0]/g, '').replace('\u2212', '-'));
  return cell?.classList.contains('n') ? (Number.isNaN(number) ? -Infinity : number) : text.toLowerCase();
}

export function sortTable(table, column, descending) {
  const body = table.tBodies[0];
  const rows = [...body.rows].filter((row) => !row.classList.contains('peek'));
  const keyed = rows.map((row) => [cellValue(row, column), row]);
  keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (descending ? -1 : 1));
  table.querySelectorAll('tr.peek').forEach((row) => row.remove());
  body.append(...keyed.map(([, row]) => row));
  for (const heading of table.tHead.rows[0].cells)
    heading.removeAttribute('aria-sort');
  table.tHead.rows[0].cells[column].setAttribute('aria-sort', descending ? 'descending' : 'ascending');
}

function makeSortable(table) {
  for (const heading of table.tHead.rows[0].cells) {
    const text = heading.textContent.trim();
    if (!text)
      continue;
    heading.replaceChildren(button(text, () => {
      const sorted = heading.getAttribute('aria-sort');
      const first = heading.classList.contains('n');
      sortTable(table, heading.cellIndex, sorted ? sorted === 'ascending' : first);
    }, { class: 'plain' }));
  }
}

function filterRows(table, term, output) {
  const pattern = term ? makePattern(term) : null;
  let shown = 0, n = 0;
  for (const row of table.tBodies[0].rows) {
    if (row.classList.contains('peek'))
      continue;
    row.hidden = pattern !== null && !pattern.test(row.textContent);
    n++;
    shown += !row.hidden;
  }
  output.textContent = pattern ? `${shown} of ${n} rows` : '';
}

function addFilter(table) {
  const output = element('output', { role: 'status', 'aria-live': 'polite' });
  const input = element('input', {
    type: 'search', placeholder: 'name or regular expression', autocomplete: 'off', spellcheck: 'false',
    oninput: () => filterRows(table, input.value, output),
  });
  table.filterBy = (term) => {
    input.value = term;
    filterRows(table, term, output);
  };
  table.filterInput = input;
  table.before(element('div', { class: 'tools' }, element('label', {}, 'Filter ', input), output));
}

export function improveTables(root) {
  for (const table of root.querySelectorAll('table')) {
    const rows = table.tBodies[0]?.rows.length || 0;
    if (!table.tHead || rows < 2 || table.dataset.improved)
      continue;
    table.dataset.improved = '1';
    makeSortable(table);
    if (rows > FILTER_ROWS)
      addFilter(table);
  }
}

/* The order and the filter of old tables for those that take their places. */
export function keepTables(old, fresh) {
  const tables = fresh.querySelectorAll('table');
  old.querySelectorAll('table').forEach((table, i) => {
    const sorted = table.tHead?.querySelector('th[aria-sort]');
    if (sorted && tables[i]?.tHead)
      sortTable(tables[i], sorted.cellIndex, sorted.getAttribute('aria-sort') === 'descending');
    if (table.filterInput?.value)
      tables[i]?.filterBy?.(table.filterInput.value);
  });
}
