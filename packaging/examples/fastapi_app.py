"""An application of one tenant behind authd (AUTHD_URL, AUTHD_TENANT): signs in, guards by permission,
refreshes, stops. The tokens stand in HttpOnly cookies, out of reach of scripts; TLS is in front."""
import os
import httpx
from fastapi import Body, Depends, FastAPI, HTTPException, Request

TENANT = os.environ.get("AUTHD_TENANT", "acme")
authd = httpx.AsyncClient(base_url=os.environ.get("AUTHD_URL", "http://127.0.0.1:8440"))
app = FastAPI()

@app.middleware("http")
async def keep_tokens(request, call_next):
    response = await call_next(request)  # Also a refusal: the refresh token before is used up.
    tokens = getattr(request.state, "tokens", None)
    for name in ("access", "refresh") if tokens is not None else ():
        value, age = tokens.get(f"{name}_token") or "", tokens.get("refresh_expires_in") or 0
        response.set_cookie(name, value, age, httponly=True, secure=True, samesite="strict")
    return response


async def ask(request, path, token=None, body=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers["X-Forwarded-For"] = request.client.host  # Believed of api.trusted_proxies alone.
    try:
        answer = await authd.request("POST" if body else "GET", path, headers=headers, json=body)
        return answer.status_code, answer.json()
    except (httpx.HTTPError, ValueError):  # Who cannot be asked lets nobody in.
        return 503, {"code": "unavailable"}


def needs(permission):
    async def guard(request: Request):
        check, refresh = f"/v1/auth/check?permission={permission}", request.cookies.get("refresh")
        status, who = await ask(request, check, request.cookies.get("access"))
        if status == 401 and who["code"] == "token_expired" and refresh:
            status, who = await ask(request, "/v1/auth/refresh", body={"refresh_token": refresh})
            if status == 200:
                request.state.tokens = who
                status, who = await ask(request, check, who["access_token"])
        if status == 401:  # session_superseded (somebody signed in elsewhere) and its like: over.
            request.state.tokens = {}
        if status != 200 or who["tenant"] != TENANT:  # Tokens of every tenant bear the same aud.
            raise HTTPException(403 if status == 200 else status, who if status != 200 else None)
        return who
    return guard


@app.post("/sign-in")
async def sign_in(request: Request, email: str = Body(), password: str = Body()):
    body = {"tenant": TENANT, "email": email, "password": password}
    status, answer = await ask(request, "/v1/auth/login", body=body)
    if status != 200:
        raise HTTPException(status, answer)  # `message` is made for the user, `code` for the page.
    request.state.tokens = answer  # None are kept where a password is good for changing it only.
    return {key: answer[key] for key in ("user", "password_change_required")}


@app.get("/orders")
async def orders(who=Depends(needs("orders:view"))):
    return {"orders": [], "for": who["user_id"]}
