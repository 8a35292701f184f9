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

/* What was refused, why, and what to do: the server says it in the body. */
async function reason(answer) {
  try {
    const { error: { what, why, do: next } } = await answer.json();
    return [what, why, next].filter(Boolean).join(' ');
  } catch (error) {
    return `The server answered ${answer.status}.`;
  }
}

export async function fetchJson(url) {
  const answer = await fetch(url, { headers: { Accept: 'application/json' } });
  if (!answer.ok)
    throw new Error(await reason(answer));
  return answer.json();
}
