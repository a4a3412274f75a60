// Fields of a form with their faults beside them. The browser's own bubbles vanish, can't be styled and
// are read poorly; these stay until the field is right.
import { h } from "./dom.js";

// field makes a labelled control. kind: {name, label, hint, optional, half, type, autocomplete, options,
// check}; check gets the trimmed value and returns what is wrong with it, or nothing.
export function field(kind, value = "") {
  const { name } = kind;
  const hint = kind.hint && h("p", { class: "hint", id: `${name}-hint` }, kind.hint);
  const fault = h("p", { class: "fault", id: `${name}-fault`, hidden: true });
  const attributes = { id: name, name, autocomplete: kind.autocomplete, required: !kind.optional, "aria-describedby": kind.hint ? `${name}-hint` : null };
  const control = kind.options
    ? h("select", attributes, kind.options.map(([code, text]) => h("option", { value: code, selected: code === value }, text)))
    : h("input", { ...attributes, type: kind.type ?? "text", inputmode: kind.inputmode, maxlength: kind.max ?? 120, value });
  const node = h("div", { class: kind.half ? "field half" : "field" },
    h("label", { for: name }, kind.label, kind.optional && h("span", { class: "quiet" }, " (optional)")),
    control,
    hint,
    fault);

  // judge shows what is wrong, and says whether nothing is.
  function judge() {
    const text = control.value.trim();
    const wrong = !text ? (kind.optional ? "" : kind.missing ?? `Please fill in: ${kind.label.toLowerCase()}.`) : kind.check?.(text, control) ?? "";
    fault.textContent = wrong;
    fault.hidden = !wrong;
    if (hint) hint.hidden = Boolean(wrong);
    if (wrong) {
      control.setAttribute("aria-invalid", "true");
      control.setAttribute("aria-describedby", `${name}-fault`);
    } else {
      control.removeAttribute("aria-invalid");
      if (kind.hint) control.setAttribute("aria-describedby", `${name}-hint`);
      else control.removeAttribute("aria-describedby");
    }
    return !wrong;
  }

  // Left empty on the way through is no fault yet; filled in wrongly is.
  control.addEventListener("blur", () => { if (control.value.trim() || control.hasAttribute("aria-invalid")) judge(); });
  control.addEventListener("input", () => { if (control.hasAttribute("aria-invalid")) judge(); });
  return { node, control, judge, value: () => control.value.trim() };
}

// choice makes a group of radios: entries are {value, text, hint, end}.
export function choice({ name, legend, entries, chosen, onchange }) {
  return h("fieldset", { class: "options", id: `group-${name}` }, h("legend", null, legend),
    entries.map(({ value, text, hint, end }) => h("label", { class: "option" },
      h("input", { type: "radio", id: `${name}-${value}`, name, value, checked: value === chosen, onchange: () => onchange?.(value) }),
      h("span", { class: "option-text" }, text, hint && h("span", { class: "quiet" }, " ", hint)),
      end && h("span", { class: "option-end" }, " ", end))));
}
