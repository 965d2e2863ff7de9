// Behind the link of a mail: the token stands in the fragment, which no server and no proxy sees.
// Nothing is sent before a person presses the button.
"use strict";

(() => {
  // Before all else, so that the token is in no history and on no screen.
  const token = window.location.hash.slice(1);
  window.history.replaceState(null, "", window.location.pathname);

  const text = {
    incomplete:
      "This address is not complete. Open the link in your mail again, or copy it from there as a whole.",
    empty: "Enter a password.",
    working: "Saving\u2026",
    done: "You can sign in with it now. Wherever you were signed in before, you have been signed out.",
    unreachable:
      "The service cannot be reached, so it is not known whether the password was saved. Check your connection and try again.",
    unknown: "That did not work. Try again in a while.",
  };

  const start = () => {
    const part = (id) => document.getElementById(id);
    const heading = part("heading");
    const form = part("form");
    const field = part("password");
    const show = part("show");
    const save = part("save");
    const problem = part("problem");
    const message = part("message");

    const end = (title, words) => {
      field.value = "";
      form.hidden = true;
      heading.textContent = title;
      document.title = title;
      message.textContent = words;
      heading.focus();
    };

    const complain = (words) => {
      message.textContent = "";
      problem.textContent = words;
      field.setAttribute("aria-invalid", "true");
      field.focus();
    };

    const busy = (is) => {
      save.disabled = is;
      form.setAttribute("aria-busy", String(is));
      message.textContent = is ? text.working : "";
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
        return typeof said.message === "string" ? said.message : text.unknown;
      } catch {
        return text.unknown;
      }
    };

    const send = async () => {
      busy(true);
      let answer;
      try {
        answer = await window.fetch("/v1/auth/password/reset", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ token, new_password: field.value }),
          cache: "no-store",
          credentials: "omit",
          redirect: "error",
          referrerPolicy: "no-referrer",
        });
      } catch {
        busy(false);
        complain(text.unreachable);
        return;
      }
      busy(false);
      if (answer.ok) {
        end("Your new password is saved", text.done);
      } else if (answer.status === 410) {
        end("This link does not work any more", await words(answer));
      } else {
        complain(await words(answer));
      }
    };

    show.addEventListener("click", () => {
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      show.setAttribute("aria-pressed", String(shown));
      show.textContent = shown ? "Hide" : "Show";
      field.focus();
    });

    field.addEventListener("input", () => {
      problem.textContent = "";
      field.removeAttribute("aria-invalid");
    });

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (save.disabled) {
        return;
      }
      if (field.value === "") {
        complain(text.empty);
        return;
      }
      // A password that is shown is not left on the screen, nor among the browser's form entries.
      field.type = "password";
      show.setAttribute("aria-pressed", "false");
      show.textContent = "Show";
      void send();
    });

    if (token === "") {
      end("Open the link again", text.incomplete);
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
