// Verifies access tokens by authd's JWKS alone, with jose: one token a line, one line of answer each.
// What has ended since the token was made is not seen: who must see it asks /v1/auth/check.
const readline = require("node:readline");
const { createRemoteJWKSet, jwtVerify } = require("jose");

const issuer = process.env.AUTHD_ISSUER; // As authd says it in /.well-known/oauth-authorization-server.
const tenantId = process.env.AUTHD_TENANT_ID;
const keys = createRemoteJWKSet(new URL(process.env.AUTHD_JWKS), { cacheMaxAge: 300_000 });

async function claimsOf(token) {
  const { payload } = await jwtVerify(token, keys, {
    issuer,
    audience: issuer,
    typ: "at+jwt",
    algorithms: ["EdDSA"], // token.algorithm of this authd, never what the token asks for.
  });
  // jose looks at an end only where there is one.
  for (const name of ["exp", "sub", "sid"]) if (!(name in payload)) throw new Error(`no ${name}`);
  if (payload.tid !== tenantId) throw new Error("another tenant"); // The same aud for every tenant.
  return payload;
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const answer = claimsOf(line.trim()).then(
      (claims) => `taken ${claims.sub}`,
      (error) => `refused ${error.name} ${error.message}`,
    );
    console.log(await answer);
  }
})();
