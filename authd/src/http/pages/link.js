// Behind the link of a mail: the token stands in the fragment, which no server and no proxy sees.
// Nothing is sent before a person presses the button.
"use strict";

(() => {
  // Before all else, so that the token is in no history and on no screen.
  const token = window.location.hash.slice(1);
  window.history.replaceState(null, "", window.location.pathname);

  const start = () => {
    const part = (id) => document.getElementById(id);
    const heading = part("heading");
    const form = part("form");
    // Where the page sends the token, the name of what goes with it, and what it says, in its language.
    const page = form.dataset;
    // A page that asks for nothing has neither.
    const field = part("password");
    const show = part("show");
    const save = part("save");
    const problem = part("problem");
    const message = part("message");

    const end = (title, words) => {
      if (field) {
        field.value = "";
      }
      form.hidden = true;
      heading.textContent = title;
      document.title = title;
      message.textContent = words;
      heading.focus();
    };

    const complain = (words) => {
      message.textContent = "";
      problem.textContent = words;
      if (field) {
        field.setAttribute("aria-invalid", "true");
      }
      (field || save).focus();
    };

    const busy = (is) => {
      save.disabled = is;
      form.setAttribute("aria-busy", String(is));
      message.textContent = is ? page.working : "";
    };

    // What the service said for people; the fields say it better than the whole.
    const words = async (answer) => {
      try {
        const said = await answer.json();
        const fields = Array.isArray(said.fields) ? said.fields : [];
        const each = fields.map((one) => one.message).filter((one) => typeof one === "string");
        if (each.length > 0) {
          return each.join(" ");
        }
        return typeof said.message === "string" ? said.message : page.unknown;
      } catch {
        return page.unknown;
      }
    };

    const send = async () => {
      busy(true);
      const body = { token };
      if (field) {
        body[page.field] = field.value;
      }
      let answer;
      try {
        answer = await window.fetch(page.post, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(body),
          cache: "no-store",
          credentials: "omit",
          redirect: "error",
          referrerPolicy: "no-referrer",
        });
      } catch {
        busy(false);
        complain(page.unreachable);
        return;
      }
      busy(false);
      if (answer.ok) {
        end(page.title, page.done);
      } else if (answer.status === 410) {
        end(page.dead, await words(answer));
      } else if (answer.status === 401 && page.wrong) {
        complain(page.wrong);
      } else {
        complain(await words(answer));
      }
    };

    const hide = () => {
      field.type = "password";
      show.setAttribute("aria-pressed", "false");
      show.textContent = page.show;
    };

    const toggle = () => {
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      show.setAttribute("aria-pressed", String(shown));
      show.textContent = shown ? page.hide : page.show;
      field.focus();
    };

    const forget = () => {
      problem.textContent = "";
      field.removeAttribute("aria-invalid");
    };

    if (field) {
      show.addEventListener("click", toggle);
      field.addEventListener("input", forget);
    }

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (save.disabled) {
        return;
      }
      if (field && field.value === "") {
        complain(page.empty);
        return;
      }
      // A password that is shown is not left on the screen, nor among the browser's form entries.
      if (field) {
        hide();
      }
      void send();
    });

    if (token === "") {
      end(page.again, page.incomplete);
      return;
    }
    form.hidden = false;
  };

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
