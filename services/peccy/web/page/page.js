// The page: asks who answers every other second, shows it, and sends writes that are safe to repeat.
// Every write carries an idempotency key and is sent again with it while the service cannot take it, so a failover costs patience, not data.
"use strict";

const ASK_EVERY_MS = 2000;
const GIVE_UP_MS = 4000;
const TRAIL = 60;
const REPEAT_FOR_MS = 60000;
const byId = (id) => document.getElementById(id);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const ask = (path, options = {}) =>
  fetch(path, { cache: "no-store", signal: AbortSignal.timeout(GIVE_UP_MS), ...options });

function newKey() { // crypto.randomUUID needs HTTPS, which the lab does not have
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function say(id, text, state = "") {
  const place = byId(id);
  place.textContent = text;
  place.dataset.state = state;
}

async function reasonOf(response) {
  try {
    const body = await response.json();
    return body.reason || (typeof body.detail === "string" ? body.detail : "the input was refused");
  } catch {
    return `status ${response.status}`;
  }
}

// Send until there is an answer that repeating would not change.
async function send(saying, path, options) {
  const until = Date.now() + REPEAT_FOR_MS;
  const headers = { ...options.headers, "Idempotency-Key": newKey() };
  for (let wait = 500; ; wait = Math.min(wait * 2, 4000)) {
    let why;
    try {
      const response = await ask(path, { ...options, headers });
      if (response.ok) return response;
      why = await reasonOf(response);
      if (response.status < 500) throw new RangeError(why);
    } catch (error) {
      if (error instanceof RangeError) throw error;
      why = error.name === "Error" ? error.message : why || "no answer";
    }
    if (Date.now() > until) throw new RangeError(`${why}. Given up after a minute; it may or may not have been stored.`);
    say(saying, `Not stored yet (${why}). Trying again …`, "bad");
    await pause(wait);
  }
}

/* who answers */

function mark(member, partly, text) {
  const item = document.createElement("li");
  if (member) item.dataset.member = member;
  item.classList.toggle("partly", partly);
  item.title = text;
  const trail = byId("trail");
  trail.append(item);
  while (trail.children.length > TRAIL) trail.firstChild.remove();
}

function showState(text, state) {
  const place = byId("state");
  if (place.textContent !== text) place.textContent = text; // an unchanged text is not announced again
  place.dataset.state = state;
}

async function watch() {
  const at = new Date().toLocaleTimeString();
  try {
    const [who, ready] = await Promise.all([ask("debugs"), ask("readyz")]);
    if (!who.ok) throw new Error(await reasonOf(who));
    const facts = { ...(await who.json()), web: who.headers.get("x-peccy-web-host") || "–" };
    for (const place of document.querySelectorAll("[data-fact]")) place.textContent = facts[place.dataset.fact] ?? "–";
    const why = ready.ok ? "" : await reasonOf(ready);
    showState(why ? `partly: ${why}` : "reads and writes work", why ? "warn" : "good");
    mark(facts.member, Boolean(why), `${at} ${facts.member} ${facts.zone}${why ? `, ${why}` : ""}`);
  } catch (error) {
    const why = error.name === "Error" ? error.message : "no answer";
    showState(`not served: ${why}`, "bad");
    mark("", false, `${at} ${why}`);
  }
}

async function watchForever() {
  for (;;) {
    if (!document.hidden) await watch();
    await pause(ASK_EVERY_MS);
  }
}

/* hobbies */

function hobbyItem({ id, name }) {
  const item = document.createElement("li");
  const text = document.createElement("span");
  const remove = document.createElement("button");
  text.textContent = name;
  remove.type = "button";
  remove.textContent = "Delete";
  remove.setAttribute("aria-label", `Delete ${name}`);
  remove.addEventListener("click", () => removeHobby(id, name, remove));
  item.append(text, remove);
  return item;
}

async function showHobbies() {
  try {
    const response = await ask("hobbies");
    if (!response.ok) throw new Error(await reasonOf(response));
    const hobbies = await response.json();
    byId("hobbies").replaceChildren(...hobbies.map(hobbyItem));
    byId("no-hobbies").hidden = hobbies.length > 0;
  } catch (error) {
    say("hobby-said", `The list could not be read (${error.name === "Error" ? error.message : "no answer"}).`, "bad");
  }
}

async function removeHobby(id, name, button) {
  button.disabled = true;
  try {
    const response = await ask(`hobbies/${id}`, { method: "DELETE" });
    if (!response.ok && response.status !== 404) throw new Error(await reasonOf(response));
    say("hobby-said", `Deleted ${name}.`);
    await showHobbies();
    byId("hobby").focus();
  } catch (error) {
    say("hobby-said", `${name} was not deleted (${error.name === "Error" ? error.message : "no answer"}).`, "bad");
    button.disabled = false;
  }
}

async function addHobby(event) {
  event.preventDefault();
  const field = byId("hobby");
  const button = event.target.querySelector("button");
  const name = field.value.trim();
  if (!name) return;
  button.disabled = true;
  try {
    await send("hobby-said", "hobbies", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name }),
    });
    field.value = "";
    say("hobby-said", `Added ${name}.`);
    await showHobbies();
  } catch (error) {
    say("hobby-said", error.message, "bad");
  }
  button.disabled = false;
  field.focus();
}

/* the picture */

let chosen = null;

function showPreview() {
  const image = byId("preview-image");
  if (image.src) URL.revokeObjectURL(image.src);
  image.removeAttribute("src");
  if (chosen) image.src = URL.createObjectURL(chosen);
  byId("preview").hidden = !chosen;
}

function choose(event) {
  chosen = event.target.files[0] || null;
  let wrong = "";
  if (chosen && chosen.type !== "image/png") wrong = "Only PNG files can be used.";
  else if (chosen && chosen.size > 2 * 1024 * 1024) wrong = "The file has more than 2 MiB.";
  if (wrong) chosen = null;
  say("picture-said", wrong, wrong ? "bad" : "");
  showPreview();
}

async function sendPicture(event) {
  event.preventDefault();
  if (!chosen) return;
  const button = event.target.querySelector("button[type=submit]");
  button.disabled = true;
  try {
    await send("picture-said", "infos/picture", { method: "PUT", headers: { "Content-Type": "image/png" }, body: chosen });
    byId("picture").src = `infos/picture?${Date.now()}`;
    say("picture-said", "This is the picture now.");
    event.target.reset();
  } catch (error) {
    say("picture-said", error.message, "bad");
  }
  button.disabled = false;
}

byId("hobby-form").addEventListener("submit", addHobby);
byId("file").addEventListener("change", choose);
byId("picture-form").addEventListener("submit", sendPicture);
byId("picture-form").addEventListener("reset", () => { chosen = null; showPreview(); });
ask("infos/name").then((response) => response.json()).then(({ name }) => { byId("name").textContent = name; }, () => {});
showHobbies();
watchForever();
