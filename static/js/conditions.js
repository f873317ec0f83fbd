// Shows a question only where its condition is true, as the server will judge it: three-valued, where null is "cannot tell yet".
// In the same way it says "(optional)" beside a question that other answers make required or not.
// The format of `data-show-when` and `data-required-when` is described in portal/form_definitions/conditions.py.
(() => {
  "use strict";

  const CONTROLS = "input[name], select[name], textarea[name]";
  const NUMBER = /^[+-]?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})?(?:\.\d{1,6})?$/;
  const MONTHS = [
    "january jan ionawr", "february feb chwefror", "march mar mawrth", "april apr ebrill", "may mai", "june jun mehefin",
    "july jul gorffennaf", "august aug awst", "september sept sep medi", "october oct hydref", "november nov tachwedd",
    "december dec rhagfyr",
  ].map((names) => names.split(" "));

  const wrapperOf = (id) => document.querySelector(`[data-field="${CSS.escape(id)}"]`);

  // What is typed

  function controls(wrapper) {
    return [...wrapper.querySelectorAll(CONTROLS)].filter((each) => each.closest("[data-field]") === wrapper);
  }

  function values(wrapper) {
    const picks = (each) => each.type === "radio" || each.type === "checkbox";
    return controls(wrapper).filter((each) => !picks(each) || each.checked).map((each) => each.value.trim()).filter(Boolean);
  }

  function part(wrapper, suffix) {
    const found = controls(wrapper).find((each) => each.name.endsWith(`-${suffix}`));
    return found ? found.value.trim() : "";
  }

  function month(text) {
    const name = text.toLowerCase().replace(/\.$/, "");
    return MONTHS.findIndex((names) => names.includes(name)) + 1 || Number(text);
  }

  // A real date as YYYY-MM-DD, which sorts as it is; else null.
  function date(wrapper) {
    const [day, number, year] = [Number(part(wrapper, "day")), month(part(wrapper, "month")), part(wrapper, "year")];
    if (!/^[1-9]\d{3}$/.test(year)) return null;
    const real = new Date(Date.UTC(Number(year), number - 1, day));
    const isReal = real.getUTCMonth() === number - 1 && real.getUTCDate() === day;
    return isReal ? real.toISOString().slice(0, 10) : null;
  }

  function number(wrapper) {
    const text = (values(wrapper)[0] || "").replace(/[\s£]/g, "").replace("\u2212", "-");
    return NUMBER.test(text) && /\d/.test(text) ? Number(text.replaceAll(",", "")) : null;
  }

  const first = (wrapper) => values(wrapper)[0] ?? null;
  const flag = (wrapper) => ({ yes: true, no: false })[first(wrapper)] ?? null;
  const chosen = (wrapper) => (values(wrapper).length ? values(wrapper) : null);

  const files = (wrapper) => (wrapper.querySelector("[data-file]:not([data-late])") ? "yes" : first(wrapper));

  const READ = { file: files, number, money: number, date, yes_no: flag, declaration: flag, choices: chosen };

  function answer(comparison) {
    const wrapper = wrapperOf(comparison.field);
    if (!wrapper || wrapper.closest("[data-field][hidden]")) return null;
    return (READ[comparison.type] || first)(wrapper);
  }

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

  function compare(comparison) {
    const actual = answer(comparison);
    if (comparison.op === "answered") return (actual !== null) === comparison.value;
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

  function judgeAll() {
    showAll();
    requireAll();
  }

  document.addEventListener("input", judgeAll);
  document.addEventListener("change", judgeAll);
  document.addEventListener("htmx:load", judgeAll);
  judgeAll();
})();
