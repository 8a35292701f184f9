/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live
 *
 * A part of the page that the server writes anew is fetched and put in place of the old one. Not while
 * nobody looks, and not under the fingers of somebody who works in it.
 */

import { element } from './dom.js';

async function refresh(selector) {
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
  if (!answer.ok)
    throw new Error(`The server answered ${answer.status}.`);
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector(selector);
  if (!fresh)
    throw new Error('The server no longer shows this.');
  return fresh;
}

/* improve(part, old): what else the script does for such a part, which takes the place of the old. */
export function keepLive(part, improve) {
  const seconds = Math.max(1, Number(part.dataset.live) || 10);
  const selector = `[data-live="${CSS.escape(part.dataset.live)}"]`;
  const said = element('span', { class: 'soft small', role: 'status' });
  const box = element('input', { type: 'checkbox', checked: true });
  part.before(element('div', { class: 'tools live' }, element('label', {}, box, ` Refresh every ${seconds} s`), said));
  let current = part;

  setInterval(async () => {
    if (!box.checked || document.hidden || current.contains(document.activeElement) || String(getSelection()))
      return;
    try {
      const fresh = document.importNode(await refresh(selector), true);
      improve(fresh, current);
      current.replaceWith(fresh);
      current = fresh;
      said.textContent = '';
    } catch (error) {
      said.textContent = `Not refreshed: ${error.message}`;
    }
  }, seconds * 1000);
}
