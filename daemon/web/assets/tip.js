/* SPDX-License-Identifier: Apache-2.0 */
/* The box beside the pointer. For the eyes only: screen readers have the labels of the frames. */

import { element } from './dom.js';

const GAP = 12; /* pixels */

/* For the chart: a function with show() and hide(). describe(d) gives lines. */
export function makeTip(describe) {
  const box = element('div', { id: 'tip', 'aria-hidden': 'true', hidden: true });
  document.body.append(box);

  const tip = () => {};
  tip.show = (event, d) => {
    box.replaceChildren(...describe(d).map((line, i) => element(i === 0 ? 'strong' : 'div', {}, line)));
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    const left = event.clientX + GAP + width > innerWidth ? event.clientX - GAP - width : event.clientX + GAP;
    const top = event.clientY + GAP + height > innerHeight ? event.clientY - GAP - height : event.clientY + GAP;
    box.style.left = `${Math.max(0, left)}px`;
    box.style.top = `${Math.max(0, top)}px`;
  };
  tip.hide = () => { box.hidden = true; };
  tip.destroy = () => box.remove();
  return tip;
}
