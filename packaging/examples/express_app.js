// An application of one tenant behind authd: signs in, guards by permission, refreshes, stops.
// The tokens stand in HttpOnly cookies, out of reach of the page's scripts; TLS stands in front.
//     NODE_ENV=production AUTHD_URL=http://127.0.0.1:8440 AUTHD_TENANT=acme node express_app.js
const express = require("express");

const AUTHD = process.env.AUTHD_URL || "http://127.0.0.1:8440";
const TENANT = process.env.AUTHD_TENANT || "acme";
const app = express().disable("x-powered-by").set("trust proxy", "loopback");

async function ask(req, path, token, body) {
  // The address is believed of api.trusted_proxies alone.
  const headers = { "Content-Type": "application/json", "X-Forwarded-For": req.ip };
  if (token) headers.Authorization = `Bearer ${token}`;
  const request = { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) };
  try {
    const answer = await fetch(AUTHD + path, { ...request, signal: AbortSignal.timeout(10_000) });
    return [answer.status, await answer.json()];
  } catch {
    return [503, { code: "unavailable" }]; // Who cannot be asked lets nobody in.
  }
}

function cookie(req, name) {
  const pairs = (req.headers.cookie || "").split("; ").map((pair) => pair.split("="));
  return pairs.find(([key]) => key === name)?.[1];
}

function keep(res, tokens) {
  const options = { httpOnly: true, secure: true, sameSite: "strict" };
  options.maxAge = (tokens.refresh_expires_in || 0) * 1000;
  for (const name of ["access", "refresh"]) res.cookie(name, tokens[`${name}_token`] || "", options);
}

const needs = (permission) => async (req, res, next) => {
  const [check, refresh] = [`/v1/auth/check?permission=${permission}`, cookie(req, "refresh")];
  let [status, who] = await ask(req, check, cookie(req, "access"));
  if (status === 401 && who.code === "token_expired" && refresh) {
    [status, who] = await ask(req, "/v1/auth/refresh", null, { refresh_token: refresh });
    if (status === 200) {
      keep(res, who); // Whatever comes: the refresh token before is used up.
      [status, who] = await ask(req, check, who.access_token);
    }
  }
  if (status === 401) keep(res, {}); // session_superseded (signed in elsewhere) and its like: over.
  if (status !== 200) return res.status(status).json(who);
  if (who.tenant !== TENANT) return res.sendStatus(403); // Tokens of every tenant bear the same aud.
  req.who = who;
  next();
};

app.post("/sign-in", express.json(), async (req, res) => {
  const { email, password } = req.body || {};
  const [status, answer] = await ask(req, "/v1/auth/login", null, { tenant: TENANT, email, password });
  if (status === 200) keep(res, answer); // None where a password is good for changing it only.
  const { user, password_change_required } = answer;
  res.status(status).json(status === 200 ? { user, password_change_required } : answer);
});
app.get("/orders", needs("orders:view"), (req, res) => res.json({ orders: [], for: req.who.user_id }));
app.listen(process.env.PORT || 3000, "127.0.0.1");
