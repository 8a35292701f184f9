/* SPDX-License-Identifier: Apache-2.0 */
/* Forms that choose what is shown: a choice from a list is made at once, without a button. */

export function improveForms(root) {
  for (const form of root.querySelectorAll('form')) {
    for (const field of form.querySelectorAll('select, input[type=checkbox], input[type=radio]'))
      field.addEventListener('change', () => form.requestSubmit());
    /* An empty field says nothing: it does not belong into the address. */
    form.addEventListener('formdata', ({ formData }) => {
      for (const [key, value] of [...formData])
        if (value === '')
          formData.delete(key);
    });
  }
}
