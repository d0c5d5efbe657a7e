"use strict";
// Asks the browser for a passkey and sends its answer with the form it was asked for in. The pages that need none work
// without this file. Names and encodings are those of WebAuthn level 3.
(() => {
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const named = (known) => known.map((each) => ({ ...each, id: bytes(each.id) }));

  const asked = {
    create: (options) =>
      navigator.credentials.create({
        publicKey: {
          ...options,
          challenge: bytes(options.challenge),
          user: { ...options.user, id: bytes(options.user.id) },
          excludeCredentials: named(options.excludeCredentials),
        },
      }),
    get: (options) =>
      navigator.credentials.get({
        publicKey: {
          ...options,
          challenge: bytes(options.challenge),
          allowCredentials: named(options.allowCredentials),
        },
      }),
  };

  const answer = (credential) => {
    const response = {};
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[part]) response[part] = text(credential.response[part]);
    }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
  };

  const said = {
    NotAllowedError: "Nothing was chosen, or it took too long. Try again.",
    InvalidStateError: "This device or key has a passkey for this account already.",
    SecurityError: "The browser takes no passkeys at this address.",
    NotSupportedError: "This device or key cannot make the kind of passkey that is needed.",
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const problem = form.querySelector("[data-problem]");
    if (!window.PublicKeyCredential) {
      problem.textContent = "This browser knows no passkeys.";
      problem.hidden = false;
      continue;
    }
    form.querySelector("button").disabled = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      problem.hidden = true;
      try {
        form.elements.answer.value = answer(await asked[form.dataset.passkey](JSON.parse(form.dataset.options)));
        form.submit();
      } catch (error) {
        problem.textContent = said[error.name] || `The browser could not do it: ${error.name}.`;
        problem.hidden = false;
      }
    });
  }
})();
