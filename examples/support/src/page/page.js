"use strict";
const byId = (id) => document.getElementById(id);

/** Calls the program. What it refuses becomes an error whose message is meant for people. */
async function call(method, path, body, headers = {}) {
  const init = { method, headers };
  if (body) {
    init.headers = { ...headers, "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  const response = await fetch(path, init).catch(() => {
    throw new Error("The program does not answer. Is it running?");
  });
  const text = await response.text();
  let data = text;
  try { data = JSON.parse(text); } catch { /* Not every answer is JSON. */ }
  if (!response.ok) {
    const error = new Error(data.message || `The program answered ${response.status}.`);
    error.status = response.status;
    throw error;
  }
  return data;
}

function say(element, text, mood) {
  element.textContent = text;
  element.classList.toggle("good", mood === "good");
  element.classList.toggle("bad", mood === "bad");
}

/** Does `work` while `button` waits; what went wrong is said in `said`. */
async function during(button, said, work) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  say(said, "");
  try {
    say(said, (await work()) || "", "good");
  } catch (error) {
    say(said, error.message, "bad");
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

/** Sends a form by `work`, which gets its fields and may return what to say afterwards. */
function onSubmit(id, work) {
  const form = byId(id);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    during(form.querySelector("button"), form.querySelector(".said"), async () => {
      const said = await work(Object.fromEntries(new FormData(form)));
      form.reset();
      return said;
    });
  });
}
