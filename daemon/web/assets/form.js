/* SPDX-License-Identifier: Apache-2.0 */
/* Forms that choose what is shown: a choice from a list takes effect at once. */

import { element, fetchJson } from './dom.js';

const SUGGESTED_MAX = 200;

/* Names of threads, once somebody goes there. */
function offerThreads(field) {
  const place = document.querySelector('[data-tree]');
  if (!place)
    return;
  const list = element('datalist', { id: 'threads' });
  field.after(list);
  field.setAttribute('list', list.id);
  field.addEventListener('focus', async () => {
    const [, query] = place.dataset.tree.split('?'), question = new URLSearchParams(query);
    for (const key of ['thread', 'search', 'min'])
      question.delete(key);
    try {
      const { rows } = await fetchJson(`/api/v1/threads?${question}`);
      list.replaceChildren(...rows.slice(0, SUGGESTED_MAX).map((row) => element('option', { value: row.name })));
    } catch (error) {
      /* The field works without. */
    }
  }, { once: true });
}

export function improveForms(root) {
  for (const form of root.querySelectorAll('form')) {
    form.querySelectorAll('input[name=thread]').forEach(offerThreads);
    for (const field of form.querySelectorAll('select, input[type=checkbox], input[type=radio]'))
      field.addEventListener('change', () => form.requestSubmit());
    /* An empty field says nothing: it does not belong into the address. */
    form.addEventListener('formdata', ({ formData }) => {
      for (const [key, value] of [...formData])
        if (value === '')
          formData.delete(key);
    });
  }
  /* The answer takes as long as what it waits for. */
  for (const link of root.querySelectorAll('a[href*="now=1"]'))
    link.addEventListener('click', () => {
      link.textContent = 'Waiting for the running window\u2026';
      link.setAttribute('aria-busy', 'true');
    });
}
