// The page: asks who answers every other second, shows it, and sends changes that are safe to repeat.
// Every change carries an idempotency key and is sent again with it while the service cannot take it, so a failover costs patience, not data.
"use strict";

const ASK_EVERY_MS = 2000;
const GIVE_UP_MS = 4000;
const TRAIL = 60;
const EVENTS = 4;
const REPEAT_FOR_MS = 60000;
const LIST_EVERY = 5; // questions between two looks at the list: others add hobbies, too
const PICTURE_LIMIT = 2 * 1024 * 1024;
const byId = (id) => document.getElementById(id);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

class Refused extends Error {} // repeating it would not help

const ask = (path, options = {}) =>
  fetch(path, { cache: "no-store", signal: AbortSignal.timeout(GIVE_UP_MS), ...options });

function newKey() { // crypto.randomUUID needs HTTPS, which the lab does not have
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function say(id, text, state = "") {
  const place = byId(id);
  if (place.textContent !== text) place.textContent = text; // an unchanged text is not announced again
  if (state) place.dataset.state = state;
  else delete place.dataset.state;
}

function inWords(reason) {
  const parts = reason.split("; ").map((part) => {
    const [what, why] = part.split(": ");
    if (what === "app") return "no app answers";
    const subject = { database: "the database", files: "the file store" }[what];
    if (!subject) return part;
    if (/^(read-only|full|absent)$/.test(why)) return `${subject} is ${why}`;
    return /no answer|cannot connect/.test(why) ? `${subject} does not answer` : `${subject} says: ${why}`;
  });
  return [...new Set(parts)].join(" and ");
}

async function reasonOf(response) {
  try {
    const body = await response.json();
    if (body.reason) return inWords(body.reason);
    return typeof body.detail === "string" ? body.detail : "the input was refused";
  } catch {
    return `status ${response.status}`;
  }
}

async function answered(path, options) {
  let response;
  try {
    response = await ask(path, options);
  } catch {
    throw new Error("the service does not answer");
  }
  if (response.ok) return response;
  const why = await reasonOf(response);
  throw response.status < 500 ? Object.assign(new Refused(why), { status: response.status }) : new Error(why);
}

// Send until there is an answer that repeating would not change.
async function send(saying, path, options) {
  const until = Date.now() + REPEAT_FOR_MS;
  const headers = { ...options.headers, "Idempotency-Key": newKey() };
  for (let wait = 500; ; wait = Math.min(wait * 2, 4000)) {
    try {
      return await answered(path, { ...options, headers });
    } catch (error) {
      if (error instanceof Refused) throw error;
      if (Date.now() > until) throw new Error(`Given up after a minute: ${error.message}. It may or may not have been stored.`);
      say(saying, `Not stored yet: ${error.message}. Trying again …`, "warn");
      await pause(wait);
    }
  }
}

// Run `change` unless the one before is still under way; the button stays focusable meanwhile.
async function busy(button, saying, change) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await change();
  } catch (error) {
    say(saying, error.message[0].toUpperCase() + error.message.slice(1), "bad");
  }
  button.removeAttribute("aria-disabled");
}

/* who answers */

const trail = []; // of {member, zone, partly}, the newest last
let known = "";

function showEvent(text) {
  const item = document.createElement("p");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString([], { hourCycle: "h23" });
  item.append(time, text);
  byId("events").prepend(item);
  while (byId("events").children.length > EVENTS) byId("events").lastChild.remove();
}

function showMark(seen) {
  trail.push(seen);
  if (trail.length > TRAIL) trail.shift();
  const mark = document.createElement("i");
  mark.dataset.member = seen.member;
  mark.classList.toggle("partly", seen.partly);
  byId("trail").firstElementChild.remove();
  byId("trail").append(mark);
}

function showShares() {
  const counts = new Map();
  for (const { member, zone } of trail) {
    const name = member ? `${zone}, member ${member}` : "no answer";
    counts.set(name, { member, count: (counts.get(name)?.count ?? 0) + 1 });
  }
  const items = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { member, count }]) => {
    const item = document.createElement("li");
    const share = document.createElement("b");
    share.textContent = `${Math.round((100 * count) / trail.length)} %`;
    item.dataset.member = member;
    item.style.setProperty("--share", `${(100 * count) / trail.length}%`);
    item.append(name, share);
    return item;
  });
  byId("shares").replaceChildren(...items);
}

function showFacts(facts) {
  for (const place of document.querySelectorAll("[data-fact]")) place.textContent = facts[place.dataset.fact] ?? "–";
  byId("badge").dataset.member = facts.member ?? "";
}

async function health() {
  const ready = await ask("readyz");
  if (ready.ok) return { state: "good", text: "Reads and writes work" };
  const why = await reasonOf(ready);
  const reads = await ask("readyz/reads");
  return reads.ok ? { state: "warn", text: `Reads work, changes must wait: ${why}` } : { state: "bad", text: `Out of order: ${why}` };
}

async function look() {
  const began = performance.now();
  const who = await answered("debugs");
  const took = `${Math.round(performance.now() - began)} ms`;
  return { facts: { ...(await who.json()), web: who.headers.get("x-peccy-web-host") || "–", took }, ...(await health()) };
}

async function watch() {
  let seen;
  try {
    seen = await look();
  } catch (error) {
    seen = { facts: {}, state: "bad", text: error instanceof TypeError || error.name === "TimeoutError" ? "Out of order: the service does not answer" : `Out of order: ${error.message}` };
  }
  const { facts, state, text } = seen;
  say("state", text, state);
  showFacts(facts);
  showMark({ member: facts.member ?? "", zone: facts.zone ?? "", partly: state !== "good" });
  showShares();
  const now = `${facts.member ? `Member ${facts.member} answers` : "Nobody answers"}. ${text}.`;
  if (now === known) return;
  showEvent(now);
  if (known && facts.member) refresh(); // another member has other data, or what failed before works now
  known = now;
}

async function watchForever() {
  byId("trail").replaceChildren(...Array.from({ length: TRAIL }, () => Object.assign(document.createElement("i"), { className: "blank" })));
  for (let round = 1; ; round += 1) {
    if (!document.hidden) {
      await watch();
      if (round % LIST_EVERY === 0 && !byId("hobbies").contains(document.activeElement)) await showHobbies();
    }
    await pause(ASK_EVERY_MS);
  }
}

function refresh() {
  showHobbies();
  if (!chosen) showPicture();
}

/* hobbies */

let listed = "";

function hobbyItem({ id, name }) {
  const item = document.createElement("li");
  const text = document.createElement("span");
  const remove = document.createElement("button");
  text.textContent = name;
  remove.type = "button";
  remove.textContent = "Delete";
  remove.setAttribute("aria-label", `Delete ${name}`);
  remove.addEventListener("click", () => busy(remove, "hobby-said", () => removeHobby(id, name, item)));
  item.append(text, remove);
  return item;
}

// The list, asked for again when it is not yet as it has to be: it may come from a copy of the database that is a little behind.
async function hobbiesOnce(settled) {
  for (let tries = 5; ; tries -= 1) {
    const text = await (await answered("hobbies")).text();
    const hobbies = JSON.parse(text);
    if (tries <= 1 || settled(hobbies)) return [text, hobbies];
    await pause(200);
  }
}

async function showHobbies(settled = () => true) {
  try {
    const [text, hobbies] = await hobbiesOnce(settled);
    if (text === listed) return;
    listed = text;
    byId("hobbies").replaceChildren(...hobbies.map(hobbyItem));
    byId("no-hobbies").hidden = hobbies.length > 0;
    byId("count").hidden = !hobbies.length;
    byId("count").textContent = hobbies.length;
    if (byId("hobby-said").dataset.about === "list") say("hobby-said", "");
  } catch (error) {
    say("hobby-said", `The list cannot be read: ${error.message}.`, "bad");
    byId("hobby-said").dataset.about = "list";
    listed = "";
  }
}

async function removeHobby(id, name, item) {
  const next = item.nextElementSibling ?? item.previousElementSibling;
  const after = next ? [...byId("hobbies").children].indexOf(next) - (next === item.nextElementSibling ? 1 : 0) : -1;
  try {
    await send("hobby-said", `hobbies/${id}`, { method: "DELETE" });
  } catch (error) {
    if (error.status !== 404) throw error; // somebody else, or our own first try, was quicker
  }
  await showHobbies((hobbies) => hobbies.every((each) => each.id !== id));
  say("hobby-said", `Deleted ${name}.`, "good");
  (byId("hobbies").children[after]?.querySelector("button") ?? byId("hobbies-title")).focus();
}

async function addHobby() {
  const field = byId("hobby");
  const name = field.value.trim();
  if (!name) return;
  const headers = { "Content-Type": "application/json" };
  const { id } = await (await send("hobby-said", "hobbies", { method: "POST", headers, body: JSON.stringify({ name }) })).json();
  if (field.value.trim() === name) field.value = "";
  await showHobbies((hobbies) => hobbies.some((each) => each.id === id));
  say("hobby-said", `Added ${name}.`, "good");
}

/* the picture */

let chosen = null; // the PNG to be sent

function show(blob, alt) {
  const image = byId("picture");
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blob);
  image.alt = alt;
}

async function showPicture() {
  try {
    const picture = await (await answered("infos/picture")).blob();
    if (!chosen) show(picture, "The current picture of peccy");
    if (byId("picture-said").dataset.about === "read") say("picture-said", "");
  } catch (error) {
    say("picture-said", `The picture cannot be read: ${error.message}.`, "bad");
    byId("picture-said").dataset.about = "read";
  }
}

// A PNG that fits is sent as it is; anything else a browser can draw (a phone's photo) becomes one.
async function asPng(file) {
  const bitmap = await createImageBitmap(file);
  if (file.type === "image/png" && file.size <= PICTURE_LIMIT) return file;
  for (let side = 1024; ; side /= 2) {
    const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const png = await new Promise((done) => canvas.toBlob(done, "image/png"));
    if (png.size <= PICTURE_LIMIT) return png;
  }
}

function showChoice() {
  for (const id of ["tag", "use", "cancel"]) byId(id).hidden = !chosen;
  for (const id of ["choose", "file"]) byId(id).hidden = Boolean(chosen);
}

async function choose(file) {
  if (!file) return;
  try {
    chosen = await asPng(file);
    show(chosen, "Preview of the picture you chose");
    say("picture-said", "");
  } catch {
    chosen = null;
    say("picture-said", `${file.name} is no picture that this browser can read.`, "bad");
  }
  showChoice();
  if (chosen) byId("use").focus();
}

async function sendPicture() {
  if (!chosen) return;
  await send("picture-said", "infos/picture", { method: "PUT", headers: { "Content-Type": "image/png" }, body: chosen });
  byId("picture-form").reset();
  say("picture-said", "This is the picture now.", "good");
}

function forgetChoice() {
  chosen = null;
  showChoice();
  say("picture-said", "");
  byId("file").focus();
  showPicture();
}

function takeDrops(frame) {
  const over = (on) => (event) => { event.preventDefault(); frame.classList.toggle("over", on); };
  frame.addEventListener("dragover", over(true));
  frame.addEventListener("dragleave", over(false));
  frame.addEventListener("drop", (event) => { over(false)(event); choose(event.dataTransfer.files[0]); });
}

function onSubmit(id, saying, change) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    busy(event.target.querySelector("button[type=submit]"), saying, change);
  });
}

onSubmit("hobby-form", "hobby-said", addHobby);
onSubmit("picture-form", "picture-said", sendPicture);
byId("file").addEventListener("change", (event) => choose(event.target.files[0]));
byId("picture-form").addEventListener("reset", forgetChoice);
takeDrops(byId("frame"));
answered("infos/name").then((response) => response.json()).then(({ name }) => { byId("name").textContent = name; }, () => {});
refresh();
watchForever();
