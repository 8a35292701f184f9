/* SPDX-License-Identifier: Apache-2.0 */
/* Elements. Text is always set as text: a name in a profile is what somebody else chose. */

/* element('button', { type: 'button', onclick: f, class: 'soft' }, 'text', child, ...) */
export function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on'))
      e.addEventListener(key.slice(2), value);
    else if (value === true)
      e.setAttribute(key, '');
    else if (value !== false && value !== null && value !== undefined)
      e.setAttribute(key, value);
  }
  e.append(...children.filter((child) => child !== null && child !== undefined));
  return e;
}

export function button(text, onclick, attributes = {}) {
  return element('button', { type: 'button', onclick, ...attributes }, text);
}

const SVG = 'http://www.w3.org/2000/svg';

export function shape(name, attributes = {}, ...children) {
  const e = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes))
    e.setAttribute(key, value);
  e.append(...children);
  return e;
}

export function isTyping(target) {
  return target instanceof Element && target.matches('input, select, textarea, [contenteditable]');
}

/* What the server says when it refuses stands in the body, for people. */
export async function fetchJson(url) {
  const answer = await fetch(url, { headers: { Accept: 'application/json' } });
  if (!answer.ok) {
    const text = (await answer.text()).trim();
    throw new Error(text && text.length < 1000 && !text.startsWith('<') ? text : `The server answered ${answer.status}.`);
  }
  return answer.json();
}
