// Shows a question only where its condition is true, as the server will judge it: three-valued, where null is "cannot tell yet".
// In the same way it says "(optional)" beside a question that other answers make required or not.
// The format of `data-show-when`, `data-required-when` and `data-sent-when` is described in portal/form_definitions/conditions.py.
(() => {
  "use strict";

  const CONTROLS = "input[name], select[name], textarea[name]";
  // As portal/characters.py and portal/form_definitions/types/answers.py read what is typed.
  const SPACE = "[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
  const SIGNS = "\\u0600-\\u0605\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u{110bd}\\u{110cd}";
  const FORMAT = `(?![${SIGNS}])[\\p{Cf}\\p{Cc}]`;
  const BLANK = "[\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u2800\\u3164\\ufe00-\\ufe0f\\uffa0\\u{e0100}-\\u{e01ef}]";
  const SPACES = new RegExp(SPACE, "gu");
  const UNSEEN = new RegExp(`${FORMAT}|${BLANK}`, "gu");
  const ENDS = new RegExp(`^(?:${SPACE}|${FORMAT})+|(?:${SPACE}|${FORMAT})+$`, "gu");
  const WHOLE = "(?:\\d{1,15}|\\d{1,3}(?:,\\d{3}){1,4}|\\d{1,3}(?: \\d{3}){1,4})?";
  const NUMBER = new RegExp(`^(?:[+-] ?)?${WHOLE}(?:\\.\\d{1,6})?$`);
  const MONEY = new RegExp(`^(?:[+-] ?(?:£ ?)?|£ ?[+-]?)?${WHOLE}(?:\\.\\d{1,2})?$`);
  const MONTHS = [
    "january jan ionawr", "february feb chwefror", "march mar mawrth", "april apr ebrill", "may mai", "june jun mehefin",
    "july jul gorffennaf", "august aug awst", "september sept sep medi", "october oct hydref", "november nov tachwedd",
    "december dec rhagfyr",
  ].map((names) => names.split(" "));

  const wrapperOf = (id) => document.querySelector(`[data-field="${CSS.escape(id)}"]`);

  // What is typed

  const plain = (text) => text.replace(SPACES, " ").replace(UNSEEN, "").trim();

  function controls(wrapper) {
    return [...wrapper.querySelectorAll(CONTROLS)].filter((each) => each.closest("[data-field]") === wrapper);
  }

  // Values of which something is seen.
  function values(wrapper) {
    const picks = (each) => each.type === "radio" || each.type === "checkbox";
    return controls(wrapper).filter((each) => !picks(each) || each.checked).map((each) => each.value).filter(plain);
  }

  function part(wrapper, suffix) {
    const found = controls(wrapper).find((each) => each.name.endsWith(`-${suffix}`));
    return found ? plain(found.value) : "";
  }

  const twoDigits = (text) => (/^\d{1,2}$/.test(text) ? Number(text) : 0);

  function month(text) {
    const name = text.toLowerCase().replace(/\.+$/, "");
    return MONTHS.findIndex((names) => names.includes(name)) + 1 || twoDigits(text);
  }

  // A real date as YYYY-MM-DD, which sorts as it is; else null.
  function date(wrapper) {
    const [day, number, year] = [twoDigits(part(wrapper, "day")), month(part(wrapper, "month")), part(wrapper, "year")];
    if (!/^[1-9]\d{3}$/.test(year)) return null;
    const real = new Date(Date.UTC(Number(year), number - 1, day));
    const isReal = real.getUTCMonth() === number - 1 && real.getUTCDate() === day;
    return isReal ? real.toISOString().slice(0, 10) : null;
  }

  function number(wrapper, spelling) {
    const text = plain(values(wrapper)[0] || "").replaceAll("\u2212", "-");
    return spelling.test(text) && /\d/.test(text) ? Number(text.replace(/[ ,£]/g, "")) : null;
  }

  function first(wrapper) {
    const [text] = values(wrapper);
    return text === undefined ? null : text.replace(ENDS, "");
  }

  const flag = (wrapper) => ({ yes: true, no: false })[first(wrapper)] ?? null;

  // An exclusive option beside others is no valid answer.
  function chosen(wrapper) {
    const found = values(wrapper);
    const isMixed = found.length > 1 && controls(wrapper).some((each) => each.checked && "exclusive" in each.dataset);
    return found.length && !isMixed ? found : null;
  }

  const files = (wrapper) => (wrapper.querySelector("[data-file]:not([data-late])") ? "yes" : first(wrapper));

  const READ = {
    file: files, number: (wrapper) => number(wrapper, NUMBER), money: (wrapper) => number(wrapper, MONEY), date,
    yes_no: flag, declaration: flag, choices: chosen,
  };

  // A number or date out of bounds is not a valid answer.
  function isInBounds(value, { min, max }) {
    const asValue = (bound) => (typeof value === "number" ? Number(bound) : bound);
    return (min === undefined || value >= asValue(min)) && (max === undefined || value <= asValue(max));
  }

  // The valid answer; null where there is none, or something is typed that is none.
  function answer(wrapper, type) {
    const found = (READ[type] || first)(wrapper);
    return found !== null && isInBounds(found, wrapper.dataset) ? found : null;
  }

  const isTyped = (wrapper, type) => (type === "file" ? files(wrapper) !== null : values(wrapper).length > 0);

  // What is asked of it

  const COMPARE = {
    is: (actual, expected) => actual === expected,
    is_not: (actual, expected) => actual !== expected,
    one_of: (actual, expected) => expected.includes(actual),
    includes: (actual, expected) => actual.includes(expected),
    at_least: (actual, expected) => actual >= expected,
    at_most: (actual, expected) => actual <= expected,
    more_than: (actual, expected) => actual > expected,
    less_than: (actual, expected) => actual < expected,
  };

  function expected({ type, value }) {
    if (type !== "number" && type !== "money") return value;
    return Array.isArray(value) ? value.map(Number) : Number(value);
  }

  // What is typed and not a valid answer is not unanswered; what the answer will be cannot be told yet.
  function compare(comparison) {
    const found = wrapperOf(comparison.field);
    const wrapper = found && !found.closest("[data-field][hidden]") ? found : null;
    if (comparison.op === "answered") return Boolean(wrapper && isTyped(wrapper, comparison.type)) === comparison.value;
    const actual = wrapper && answer(wrapper, comparison.type);
    return actual === null ? null : COMPARE[comparison.op](actual, expected(comparison));
  }

  // One decisive part decides; else one part that cannot be told leaves the whole untold.
  function join(parts, decisive) {
    const truths = parts.map(truth);
    if (truths.includes(decisive)) return decisive;
    return truths.includes(null) ? null : !decisive;
  }

  function negate(value) {
    return value === null ? null : !value;
  }

  function truth(condition) {
    if (condition === null || typeof condition === "boolean") return condition;
    if ("all" in condition) return join(condition.all, false);
    if ("any" in condition) return join(condition.any, true);
    if ("not" in condition) return negate(truth(condition.not));
    return compare(condition);
  }

  // In the order of the page: a question may depend on earlier ones, which are then decided already.
  function showAll() {
    document.querySelectorAll("[data-show-when]").forEach((wrapper) => {
      wrapper.hidden = truth(JSON.parse(wrapper.getAttribute("data-show-when"))) !== true;
    });
  }

  function requireAll() {
    document.querySelectorAll("[data-required-when]").forEach((wrapper) => {
      const isRequired = truth(JSON.parse(wrapper.getAttribute("data-required-when"))) === true;
      const own = (selector) => [...wrapper.querySelectorAll(selector)].filter((each) => each.closest("[data-field]") === wrapper);
      own("[data-optional]").forEach((mark) => { mark.hidden = isRequired; });
      own("[aria-required]").forEach((control) => control.setAttribute("aria-required", String(isRequired)));
    });
  }

  // Of the answers that a change may take out, name only those that would not be sent now.
  function nameUnsent() {
    document.querySelectorAll("[data-sent-when]").forEach((line) => {
      line.hidden = truth(JSON.parse(line.dataset.sentWhen)) === true;
    });
  }

  function judgeAll() {
    showAll();
    requireAll();
    nameUnsent();
  }

  document.addEventListener("input", judgeAll);
  document.addEventListener("change", judgeAll);
  document.addEventListener("htmx:load", judgeAll);
  judgeAll();
})();
