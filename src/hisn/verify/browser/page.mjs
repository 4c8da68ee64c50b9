// The page: take a file, let `check` verify it, and show the report. Texts of others only ever become
// text nodes: made harmless by `shown`, isolated left to right. No element is made from a text.

import { fromHex, hex, octets, textOf } from "./bytes.mjs";
import { FORK_PROVEN, INVALID, NOT_CHECKED, VALID, verifyPack } from "./check.mjs";
import { shownTime } from "./dates.mjs";
import { shown } from "./display.mjs";
import { MAX_PACK_BYTES } from "./limits.mjs";
import { MESSAGES } from "./messages.mjs";

const MAX_CHARS = 1000; // of one value
const SHORT = 34;
const MAX_EVENTS = 500;
/** A time of a whole second as the unit writes it; on the page it is written for people. */
const TIME = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})\.000000Z$/;
const MARKS = { ok: "✓", failed: "✗", absent: "–", partial: "◐" };
const TONES = { [VALID]: "good", [INVALID]: "bad", [FORK_PROVEN]: "bad", [NOT_CHECKED]: "bad" };

let language = "en";
/** What is shown, to show it again in the other language: the file, and its report or an error. */
let current = null;
/** Counts verifications, so that a slow one never overwrites a later one. */
let turn = 0;

const byId = (id) => document.getElementById(id);
const messages = () => MESSAGES[language];
const pageText = (code) => messages().page[code];
const nameOf = (code) => messages().names[code] ?? code;

/** Make an element; children are elements or texts. */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Make a value safe: everything invisible or active is written out, and nothing around it turns. */
function value(given) {
  const text = shown(String(given).replace(TIME, "$1 $2 UTC"), MAX_CHARS);
  // Short ones stay on one line: a time or a name cut in two is hard to compare.
  return element("bdi", { class: text.length <= SHORT ? "value short" : "value", dir: "ltr" }, text);
}

/** Fill a template: our words as text, the values between them isolated, what is typed as code. */
function fill(template, args = {}) {
  return template.split(/(\{\w+\}|`[^`]+`)/).map((part) => {
    if (part.startsWith("`")) return element("code", { dir: "ltr" }, part.slice(1, -1));
    return part.startsWith("{") ? value(args[part.slice(1, -1)] ?? "") : part;
  });
}

const sentence = ({ code, args }) => fill(messages().said[code], args);

/** Write a disclosed value as text. */
function plain(given) {
  if (given === null) return "–";
  return Array.isArray(given) ? `[${given.map(plain).join(", ")}]` : String(given);
}

function fieldList(fields, hidden) {
  const list = element("dl", {});
  for (const [name, given] of [...fields].sort(([a], [b]) => (a < b ? -1 : 1))) {
    list.append(element("dt", {}, value(name)), element("dd", {}, value(plain(given))));
  }
  const parts = fields.size ? [list] : [];
  if (hidden.length) {
    parts.push(element("p", { class: "muted" }, ...fill(pageText("hidden"), { names: hidden.join(", ") })));
  }
  return parts;
}

/** Write a record's bytes as text; what is no UTF-8 as the bytes it is. */
function recordText(bytes) {
  const text = textOf(bytes);
  return text ?? octets(bytes).replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
}

function resultCard({ name, bytes }, { result, shown: whole }) {
  const isUnpinned = whole !== null && !whole.isPinned;
  const heading = element("h2", { id: "result", tabindex: "-1" }, nameOf(result));
  const tone = isUnpinned && result === VALID ? "fair" : (TONES[result] ?? "fair");
  const parts = [heading, element("p", {}, ...fill(messages().results[result]))];
  if (isUnpinned) {
    // Whoever forges a pack founds a unit of his own for it, and there everything holds.
    heading.append(" ", element("small", {}, pageText("unpinned-result")));
    const args = { unit: whole.unit, genesis: hex(whole.genesis) };
    parts.push(element("p", { class: "warning" }, ...fill(pageText("unpinned"), args)));
  }
  parts.push(element("p", { class: "file" }, ...fill(pageText("file"), { name, bytes })));
  const attributes = { class: `result ${tone}`, "aria-labelledby": "result", "data-result": result };
  return element("section", attributes, ...parts);
}

function flagList(flags) {
  const items = flags.map(({ name, by }) => {
    const text = fill(messages().flags[name], { by: by.join(", ") });
    return element("li", { "data-flag": name }, element("b", {}, nameOf(name)), ...text);
  });
  return items.length ? [element("ul", { class: "flags" }, ...items)] : [];
}

function stepList(steps) {
  const items = steps.map(({ number, code, status, detail }) =>
    element(
      "li",
      { class: `status-${status}`, "data-step": code, "data-status": status },
      element("span", { class: "number" }, String(number)),
      element("span", { class: "status" }, `${MARKS[status]} ${pageText(status)}`),
      element("span", { class: "text" }, messages().steps[code]),
      element("span", { class: "detail" }, ...sentence(detail)),
    ),
  );
  return [element("h2", {}, pageText("steps")), element("ol", { class: "steps" }, ...items)];
}

function sayings(kind, title, list) {
  const items = list.map((each) => element("li", { "data-said": each.code }, ...sentence(each)));
  const body = items.length
    ? element("ul", { class: `sayings ${kind}` }, ...items)
    : element("p", { class: "muted" }, pageText("nothing-proven"));
  return element("section", { "data-list": kind }, element("h2", {}, title), body);
}

function findingCards({ finding, hidden, events }) {
  const parts = [];
  if (finding.size || hidden.length) {
    parts.push(element("h2", {}, pageText("finding")));
    parts.push(element("section", { class: "card", "data-part": "finding" }, ...fieldList(finding, hidden)));
  }
  for (const { act, index, fields, hidden: closed, record, isContext } of events.slice(0, MAX_EVENTS)) {
    const part = isContext ? "event-context" : "event";
    const card = element("section", { class: "card", "data-part": part });
    card.append(element("h3", {}, ...fill(pageText(part), { index, act })), ...fieldList(fields, closed));
    if (record !== null) {
      card.append(
        element("dl", {}, element("dt", {}, pageText("record")), element("dd", {}, value(recordText(record)))),
      );
    }
    parts.push(card);
  }
  const left = events.length - MAX_EVENTS;
  if (left > 0) parts.push(element("p", { class: "warning" }, ...fill(pageText("cut"), { count: left })));
  return parts;
}

function actTable(acts) {
  if (!acts.length) return [];
  const titles = ["act", "author", "place", "claimed", "before", "cosigners"];
  const head = element("tr", {}, ...titles.map((title) => element("th", { scope: "col" }, pageText(title))));
  const rows = acts.map((act) => {
    const { beforeS, cosigners } = act.witnessed;
    const names = cosigners.map(({ name, side }) => `${name} (${side})`).join(", ");
    const cells = [
      `${act.number} ${act.kind}`,
      `${act.actor} (${act.side})`,
      act.index,
      act.claimedTime,
      beforeS === null ? pageText("none") : shownTime(beforeS),
      names || pageText("none"),
    ];
    return element("tr", {}, ...cells.map((cell) => element("td", {}, value(cell))));
  });
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  return [element("h2", {}, pageText("acts")), element("div", { class: "wide" }, table)];
}

function reportParts(file, report) {
  const lists = element(
    "div",
    { class: "columns" },
    sayings("proven", pageText("proven"), report.proven),
    sayings("open", pageText("not-proven"), report.notProven),
  );
  const parts = [resultCard(file, report), ...flagList(report.flags), ...stepList(report.steps), lists];
  if (report.shown) parts.push(...findingCards(report.shown), ...actTable(report.shown.acts));
  const print = element("button", { type: "button", class: "print" }, pageText("print"));
  print.addEventListener("click", () => window.print());
  return [...parts, element("p", {}, print)];
}

/** Show what is known of the current file, in the current language. */
function render() {
  document.documentElement.lang = language;
  document.documentElement.dir = messages().direction;
  document.title = `${pageText("title")} · ${pageText("brand")}`;
  for (const place of document.querySelectorAll("[data-text]")) {
    place.replaceChildren(...fill(pageText(place.dataset.text)));
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  const genesis = byId("genesis");
  const isWrong = readGenesis() === undefined;
  genesis.setAttribute("aria-invalid", String(isWrong));
  byId("genesis-wrong").textContent = isWrong ? pageText("genesis-wrong") : "";
  byId("status").replaceChildren(...(current?.status ? fill(pageText(current.status), current.args) : []));
  byId("report").replaceChildren(...(current?.report ? reportParts(current.file, current.report) : []));
}

/** Return the digest in the field, null where it is empty, undefined where it is none. */
function readGenesis() {
  const text = byId("genesis").value.replace(/\s/g, "").toLowerCase();
  if (text === "") return null;
  return /^[0-9a-f]{64}$/.test(text) ? fromHex(text) : undefined;
}

/** Verify a file, and show the report; nothing of an earlier one stays in sight meanwhile. */
async function verify(file) {
  const mine = ++turn;
  const show = (state) => {
    if (mine !== turn) return false;
    current = { chosen: file, ...state };
    render();
    return true;
  };
  const genesis = readGenesis();
  // A digest that cannot be read is not passed over: the reader believes that it was compared.
  if (genesis === undefined) return void show({});
  show({ status: "working" });
  let bytes;
  try {
    bytes = new Uint8Array(await file.slice(0, MAX_PACK_BYTES + 1).arrayBuffer());
  } catch (error) {
    return void show({ status: "unreadable", args: { message: error.message } });
  }
  try {
    const report = await verifyPack(bytes, genesis);
    if (show({ file: { name: file.name, bytes: file.size }, report })) byId("result").focus();
  } catch (error) {
    // A bug of ours must not leave anything that looks like a result.
    show({ status: "trouble", args: { message: String(error) } });
  }
}

function choose(files) {
  if (files.length) verify(files[0]);
}

function listen() {
  const [input, drop, genesis] = [byId("file"), byId("drop"), byId("genesis")];
  byId("form").addEventListener("submit", (event) => event.preventDefault());
  input.addEventListener("change", () => choose(input.files));
  genesis.addEventListener("change", () => (current ? verify(current.chosen) : render()));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      language = button.dataset.language;
      render();
    });
  }
  // Anywhere on the page: a file that misses the field would replace the page otherwise.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  for (const name of ["dragleave", "drop"]) {
    document.addEventListener(name, () => drop.classList.remove("over"));
  }
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    choose(event.dataTransfer.files);
  });
}

/** Begin: the browser's language first, English for all others. */
export function start() {
  language = navigator.language.startsWith("ar") ? "ar" : "en";
  listen();
  render();
}
