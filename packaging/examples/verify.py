"""Verifies access tokens by authd's JWKS alone, with PyJWT: one token a line, one line of answer each.
What has ended since the token was made is not seen: who must see it asks /v1/auth/check.
"""
import os
import sys

import jwt

ISSUER = os.environ["AUTHD_ISSUER"]  # As authd says it in /.well-known/oauth-authorization-server.
TENANT_ID = os.environ["AUTHD_TENANT_ID"]
# Asks anew for a key that it does not know. cache_keys would keep one that authd took back for ever.
keys = jwt.PyJWKClient(os.environ["AUTHD_JWKS"], cache_keys=False, lifespan=300)


def claims_of(token):
    if jwt.get_unverified_header(token).get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("no access token")
    claims = jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token).key,
        algorithms=["EdDSA"],  # token.algorithm of this authd, never what the token asks for.
        issuer=ISSUER,
        audience=ISSUER,
        options={"require": ["exp", "iat", "nbf", "sub", "tid", "sid"]},
    )
    if claims["tid"] != TENANT_ID:  # Tokens of every tenant bear the same aud.
        raise jwt.InvalidTokenError("another tenant")
    return claims


for line in sys.stdin:
    try:
        print("taken", claims_of(line.strip())["sub"], flush=True)
    except jwt.PyJWTError as error:
        print("refused", type(error).__name__, error, flush=True)
