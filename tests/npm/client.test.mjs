// Drives both saas examples with the official client: what a front end written for the protocol sees.
//
// Needs the programs, built: `cargo build -p saas-axum -p saas-actix`, or their paths in SAAS_AXUM and SAAS_ACTIX.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { apiKeyClient } from "@better-auth/api-key/client";
import { createAuthClient } from "better-auth/client";
import {
  anonymousClient,
  emailOTPClient,
  jwtClient,
  magicLinkClient,
  multiSessionClient,
  oneTimeTokenClient,
  phoneNumberClient,
  usernameClient,
} from "better-auth/client/plugins";

const PASSWORD = "Correct-Horse-9";
const built = (name) => fileURLToPath(new URL(`../../target/debug/${name}`, import.meta.url));
const programs = [
  ["saas-axum", process.env.SAAS_AXUM ?? built("saas-axum")],
  ["saas-actix", process.env.SAAS_ACTIX ?? built("saas-actix")],
];

/** Starts a program on a free port with a database of its own. */
async function start(path) {
  const folder = await mkdtemp(join(tmpdir(), "client-test-"));
  const env = {
    ...process.env,
    HOST: "127.0.0.1",
    PORT: "0",
    DATABASE_URL: `sqlite://${join(folder, "app.db")}?mode=rwc`,
    APP_ENV: "test",
    DEMO: "1",
    RATE_LIMIT: "off",
  };
  const child = spawn(path, { env, stdio: ["ignore", "pipe", "pipe"] });
  process.once("exit", () => child.kill()); // However the test ends, the program does not outlive it.
  const log = [];
  child.stderr.on("data", (text) => log.push(text));
  const ended = once(child, "exit");
  const url = await Promise.race([
    listening(child),
    ended.then(([code]) => { throw new Error(`${path} ended with ${code}:\n${log.join("")}`); }),
  ]);
  const stop = async () => {
    child.kill("SIGTERM");
    const [code] = await ended;
    await rm(folder, { recursive: true });
    return code;
  };
  return { url, stop };
}

async function listening(child) {
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /^listening on (\S+)$/.exec(line);
    if (found) return found[1];
  }
  return new Promise(() => {}); // It ended; why is told by its exit.
}

/** What a browser does beside fetching: it keeps cookies and names the page's origin. */
function browser(url, origin = url) {
  const cookies = new Map();
  const browserFetch = async (input, init = {}) => {
    const request = new Request(input, init);
    request.headers.set("origin", origin);
    if (cookies.size > 0) request.headers.set("cookie", [...cookies].map((pair) => pair.join("=")).join("; "));
    const response = await fetch(request);
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split("; ");
      const at = pair.indexOf("=");
      if (attributes.includes("Max-Age=0")) cookies.delete(pair.slice(0, at));
      else cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  };
  const client = createAuthClient({
    baseURL: `${url}/api/auth`,
    plugins: [
      anonymousClient(),
      apiKeyClient(),
      emailOTPClient(),
      jwtClient(),
      magicLinkClient(),
      multiSessionClient(),
      oneTimeTokenClient(),
      phoneNumberClient(),
      usernameClient(),
    ],
    fetchOptions: { customFetchImpl: browserFetch },
  });
  return { client, cookies, fetch: browserFetch };
}

/** A request as a scanner of a mail server sends it, with none of what Node adds. */
async function plain(url, headers) {
  const [response] = await once(get(url, { headers }), "response");
  let body = "";
  for await (const text of response.setEncoding("utf8")) body += text;
  return { status: response.statusCode, body };
}

/** The data of an answer that must not be a refusal. */
async function ok(call) {
  const { data, error } = await call;
  assert.equal(error, null);
  return data;
}

/** The status and code of a refusal. */
async function refused(call) {
  const { data, error } = await call;
  assert.equal(data, null);
  assert.ok(error.message, "a refusal is said in words");
  return [error.status, error.code];
}

for (const [name, path] of programs) {
  describe(name, { timeout: 120_000 }, () => {
    let program;
    let people = 0;
    before(async () => { program = await start(path); });
    after(async () => assert.equal(await program?.stop(), 0, "it ends in order"));

    /** Somebody new, signed up in a browser of their own. */
    async function signedUp() {
      const email = `ada${people += 1}@example.com`;
      const here = browser(program.url);
      const { user } = await ok(here.client.signUp.email({ name: "Ada", email, password: PASSWORD }));
      return { ...here, email, user };
    }

    /** The same person in another browser. */
    async function elsewhere({ email }, password = PASSWORD) {
      const there = browser(program.url);
      await ok(there.client.signIn.email({ email, password }));
      return there;
    }

    const session = ({ client }) => ok(client.getSession());

    /** The latest message of this kind to somebody. */
    async function message(kind, to) {
      const sent = await (await fetch(`${program.url}/__outbox`)).json();
      const found = sent.filter((message) => message.kind === kind && message.to === to).at(-1);
      assert.ok(found, `no ${kind} to ${to} in ${JSON.stringify(sent)}`);
      return found;
    }
    const json = async (response) => [response.status, await response.json()];

    test("signing up, in and out", async () => {
      const { client, email, user, cookies } = await signedUp();
      assert.equal(user.email, email);
      assert.equal(user.image, null);
      assert.equal((await session({ client })).user.id, user.id);

      assert.deepEqual(await ok(client.signOut()), { success: true });
      assert.equal(await session({ client }), null);
      assert.equal(cookies.size, 0);

      const signedIn = await ok(client.signIn.email({ email: email.toUpperCase(), password: PASSWORD }));
      assert.equal(signedIn.redirect, false);
      assert.match(signedIn.token, /^[\w-]{43}$/);
      const found = await session({ client });
      assert.equal(found.session.userId, user.id);
      assert.ok(found.session.expiresAt > new Date(), "dates arrive as dates");
    });

    test("a session is listed and ended from elsewhere", async () => {
      const ada = await signedUp();
      const phone = await elsewhere(ada);
      const { session: here } = await session(ada);
      const others = (await ok(ada.client.listSessions())).filter(({ id }) => id !== here.id);
      assert.equal(others.length, 1);
      assert.equal(others[0].id, (await session(phone)).session.id);

      assert.deepEqual(await ok(ada.client.revokeSession({ token: others[0].token })), { status: true });
      assert.equal(await session(phone), null);
      assert.equal((await ok(ada.client.listSessions())).length, 1);
    });

    test("other sessions, then all, are ended at once", async () => {
      const ada = await signedUp();
      const [phone, tablet] = [await elsewhere(ada), await elsewhere(ada)];
      await ok(ada.client.revokeOtherSessions());
      assert.deepEqual([await session(phone), await session(tablet)], [null, null]);
      assert.notEqual(await session(ada), null);
      await ok(ada.client.revokeSessions());
      assert.equal(await session(ada), null);
    });

    test("a new password ends the other sessions and the old password", async () => {
      const ada = await signedUp();
      const phone = await elsewhere(ada);
      const newPassword = "Battery-Staple-7";
      const change = { currentPassword: PASSWORD, newPassword, revokeOtherSessions: true };
      const { token } = await ok(ada.client.changePassword(change));
      assert.match(token, /^[\w-]{43}$/);
      assert.notEqual(await session(ada), null);
      assert.equal(await session(phone), null);

      const { client } = browser(program.url);
      const old = client.signIn.email({ email: ada.email, password: PASSWORD });
      assert.deepEqual(await refused(old), [401, "INVALID_EMAIL_OR_PASSWORD"]);
      await elsewhere(ada, newPassword);
      const wrong = ada.client.changePassword({ currentPassword: PASSWORD, newPassword: "Another-Pass-3" });
      assert.deepEqual(await refused(wrong), [400, "INVALID_PASSWORD"]);
    });

    test("name and picture change, the address does not", async () => {
      const ada = await signedUp();
      const change = { name: "Ada Lovelace", image: "https://example.com/ada.png" };
      assert.deepEqual(await ok(ada.client.updateUser(change)), { status: true });
      const { user } = await session(ada);
      assert.deepEqual([user.name, user.image], [change.name, change.image]);
      assert.deepEqual(await refused(ada.client.updateUser({ email: "b@example.com" })), [400, "EMAIL_CAN_NOT_BE_UPDATED"]);
      assert.deepEqual(await refused(ada.client.updateUser({ role: "admin" })), [400, "FIELD_NOT_ALLOWED"]);
    });

    test("accounts are listed and passwords verified", async () => {
      const { client, user } = await signedUp();
      const [account] = await ok(client.listAccounts());
      assert.deepEqual([account.providerId, account.accountId, account.scopes], ["credential", user.id, []]);
      assert.deepEqual(await ok(client.verifyPassword({ password: PASSWORD })), { status: true });
      assert.deepEqual(await refused(client.verifyPassword({ password: "wrong-wrong" })), [400, "INVALID_PASSWORD"]);
    });

    test("a deleted user is gone", async () => {
      const ada = await signedUp();
      const wrong = ada.client.deleteUser({ password: "wrong-wrong" });
      assert.deepEqual(await refused(wrong), [400, "INVALID_PASSWORD"]);
      const gone = await ok(ada.client.deleteUser({ password: PASSWORD }));
      assert.deepEqual(gone, { success: true, message: "User deleted" });
      assert.equal(await session(ada), null);
      const again = ada.client.signIn.email({ email: ada.email, password: PASSWORD });
      assert.deepEqual(await refused(again), [401, "INVALID_EMAIL_OR_PASSWORD"]);
    });

    test("refusals carry the code that the client branches on", async () => {
      const { email } = await signedUp();
      const { client } = browser(program.url);
      const signIn = (fields) => refused(client.signIn.email({ email, password: PASSWORD, ...fields }));
      assert.deepEqual(await signIn({ password: "wrong-wrong" }), [401, "INVALID_EMAIL_OR_PASSWORD"]);
      assert.deepEqual(await signIn({ email: "nobody@example.com" }), [401, "INVALID_EMAIL_OR_PASSWORD"]);
      assert.deepEqual(await signIn({ email: "nonsense" }), [400, "INVALID_EMAIL"]);
      assert.deepEqual(await signIn({ callbackURL: "https://evil.test/" }), [403, "INVALID_CALLBACK_URL"]);

      const signUp = (fields) => refused(client.signUp.email({ name: "Ada", email, password: PASSWORD, ...fields }));
      const taken = [422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"];
      assert.deepEqual(await signUp({}), taken);
      assert.deepEqual(await signUp({ email: "new@example.com", password: "short" }), [400, "PASSWORD_TOO_SHORT"]);
      assert.deepEqual(await signUp({ email: "new@example.com", password: "password1" }), [400, "PASSWORD_COMPROMISED"]);
      assert.deepEqual(await signUp({ email: "nonsense" }), [400, "VALIDATION_ERROR"]);
      assert.deepEqual(await refused(client.listSessions()), [401, "UNAUTHORIZED"]);
    });

    test("a trusted callback is where the client goes next", async () => {
      const { client, email } = await signedUp();
      const signedIn = await ok(client.signIn.email({ email, password: PASSWORD, callbackURL: "/dashboard" }));
      assert.deepEqual([signedIn.redirect, signedIn.url], [true, "/dashboard"]);
    });

    test("a page of another site gets nowhere, with a cookie or without", async () => {
      const ada = await signedUp();
      const foreign = browser(program.url, "https://evil.test");
      const signIn = foreign.client.signIn.email({ email: ada.email, password: PASSWORD });
      assert.deepEqual(await refused(signIn), [403, "INVALID_ORIGIN"]);
      for (const [name, value] of ada.cookies) foreign.cookies.set(name, value);
      assert.deepEqual(await refused(foreign.client.signOut()), [403, "INVALID_ORIGIN"]);
      assert.notEqual(await session(ada), null);
    });

    test("bodies that cannot be read are refused before anything else", async () => {
      const { fetch } = browser(program.url);
      const send = async (contentType, body) => {
        const headers = { "content-type": contentType };
        const [status, { code }] = await json(await fetch(`${program.url}/api/auth/sign-in/email`, { method: "POST", headers, body }));
        return [status, code];
      };
      assert.deepEqual(await send("application/json", "{"), [400, "BAD_REQUEST"]);
      assert.deepEqual(await send("application/json", "[]"), [400, "BODY_MUST_BE_AN_OBJECT"]);
      assert.deepEqual(await send("text/plain", "{}"), [415, "UNSUPPORTED_MEDIA_TYPE"]);
      assert.equal((await fetch(`${program.url}/api/auth/sign-in/email`)).status, 404);
    });

    test("the program's own routes go by the same session, and by its token", async () => {
      const ada = await signedUp();
      const get = async (path, { fetch }, headers = {}) => fetch(`${program.url}${path}`, { headers });
      const nobody = browser(program.url);
      assert.deepEqual(await json(await get("/me", ada)), [200, { id: ada.user.id, email: ada.email, name: "Ada" }]);
      assert.equal((await get("/me", nobody)).status, 401);
      assert.equal((await get("/reports", ada)).status, 403);

      assert.equal((await get(`/__admin?id=${ada.user.id}`, nobody)).status, 200);
      assert.equal((await get("/reports", ada)).status, 200);
      assert.equal((await get("/__admin?id=nonsense", nobody)).status, 400);
      assert.equal((await get(`/__admin?id=${"0".repeat(32)}`, nobody)).status, 404);

      const who = {
        kind: "user",
        id: ada.user.id,
        tenant: null,
        method: "password",
        roles: [{ name: "admin", guard: "ADMIN" }],
        permissions: ["reports:read"],
      };
      assert.deepEqual(await json(await get("/whoami", ada)), [200, who], "the cookie alone");
      const { token } = await ok(nobody.client.signIn.email({ email: ada.email, password: PASSWORD }));
      const bearer = { authorization: `Bearer ${token}` };
      assert.deepEqual(await json(await get("/whoami", browser(program.url), bearer)), [200, who]);
    });

    test("an access token proves the session, by keys that everybody may read", async () => {
      const ada = await signedUp();
      const { token } = await ok(ada.client.token());
      const { keys } = await ok(ada.client.jwks());
      const [header, claims] = token.split(".", 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
      assert.equal(header.alg, "EdDSA");
      const jwk = keys.find(({ kid }) => kid === header.kid);
      const key = createPublicKey({ key: jwk, format: "jwk" });
      const [signed, signature] = [token.slice(0, token.lastIndexOf(".")), token.slice(token.lastIndexOf(".") + 1)];
      assert.ok(verify(null, Buffer.from(signed), key, Buffer.from(signature, "base64url")));
      assert.deepEqual([claims.iss, claims.aud, claims.sub], [program.url, program.url, ada.user.id]);
      const [status, who] = await json(await fetch(`${program.url}/whoami`, { headers: { authorization: `Bearer ${token}` } }));
      assert.deepEqual([status, who.id, who.method], [200, ada.user.id, "password"]);

      let header_token;
      await ok(ada.client.getSession({ fetchOptions: { onSuccess: ({ response }) => {
        header_token = response.headers.get("set-auth-jwt");
      } } }));
      assert.equal(header_token.split(".").length, 3);
    });

    test("an API key is made, used, changed and deleted", async () => {
      const ada = await signedUp();
      const { apiKey } = ada.client;
      const who = async (key) => json(await fetch(`${program.url}/whoami`, { headers: { "x-api-key": key } }));
      const made = await ok(apiKey.create({ name: "nightly", prefix: "sk_", expiresIn: 24 * 60 * 60, metadata: { env: "ci" } }));
      assert.match(made.key, /^sk_[\w-]{43}$/);
      assert.deepEqual([made.start, made.prefix, made.referenceId], [made.key.slice(0, 6), "sk_", ada.user.id]);
      const [status, { id, method }] = await who(made.key);
      assert.deepEqual([status, id, method], [200, ada.user.id, "api-key"]);

      const found = await ok(apiKey.get({ query: { id: made.id } }));
      assert.equal(found.key, undefined, "shown once");
      assert.deepEqual([found.name, found.enabled, found.metadata], ["nightly", true, { env: "ci" }]);
      assert.ok(new Date(found.expiresAt) > new Date());
      const second = await ok(apiKey.create({}));
      const page = await ok(apiKey.list({ query: { limit: 1, offset: 1, sortBy: "createdAt", sortDirection: "desc" } }));
      assert.deepEqual([page.total, page.limit, page.offset, page.apiKeys[0].id], [2, 1, 1, made.id]);

      const off = await ok(apiKey.update({ keyId: made.id, name: "paused", enabled: false }));
      assert.deepEqual([off.name, off.enabled], ["paused", false]);
      assert.equal((await who(made.key))[0], 401);
      assert.deepEqual(await ok(apiKey.delete({ keyId: made.id })), { success: true });
      assert.deepEqual(await refused(apiKey.get({ query: { id: made.id } })), [404, "KEY_NOT_FOUND"]);

      const grace = await signedUp();
      assert.deepEqual(await refused(grace.client.apiKey.delete({ keyId: second.id })), [404, "KEY_NOT_FOUND"]);
      assert.equal((await who(second.key))[0], 200);
      assert.deepEqual(await refused(apiKey.create({ remaining: 5 })), [400, "SERVER_ONLY_PROPERTY"]);
      assert.deepEqual(await refused(apiKey.create({ expiresIn: 1 })), [400, "EXPIRES_IN_IS_TOO_SMALL"]);
      assert.deepEqual(await refused(browser(program.url).client.apiKey.create({})), [401, "UNAUTHORIZED"]);
    });

    test("a browser stays signed in as several people", async () => {
      const ada = await signedUp();
      const grace = `grace${people += 1}@example.com`;
      await ok(ada.client.signUp.email({ name: "Grace", email: grace, password: PASSWORD }));
      const listed = await ok(ada.client.multiSession.listDeviceSessions());
      assert.deepEqual(listed.map(({ user }) => user.email).sort(), [ada.email, grace].sort());
      assert.equal((await session(ada)).user.email, grace);

      const own = listed.find(({ user }) => user.email === ada.email).session.token;
      const active = await ok(ada.client.multiSession.setActive({ sessionToken: own }));
      assert.equal(active.user.email, ada.email);
      assert.equal((await session(ada)).user.email, ada.email);
      assert.deepEqual(await ok(ada.client.multiSession.revoke({ sessionToken: own })), { status: true });
      assert.equal((await session(ada)).user.email, grace);
      const gone = ada.client.multiSession.setActive({ sessionToken: own });
      assert.deepEqual(await refused(gone), [401, "INVALID_SESSION_TOKEN"]);
    });

    test("a one-time token opens a session elsewhere, once", async () => {
      const ada = await signedUp();
      const { token } = await ok(ada.client.oneTimeToken.generate());
      const phone = browser(program.url);
      const opened = await ok(phone.client.oneTimeToken.verify({ token }));
      assert.equal(opened.user.id, ada.user.id);
      assert.equal((await session(phone)).user.id, ada.user.id);
      const again = browser(program.url).client.oneTimeToken.verify({ token });
      assert.equal((await refused(again))[0], 400);
    });

    test("a bearer client learns its token from a header", async () => {
      const { email } = await signedUp();
      let token;
      const { client } = browser(program.url);
      await ok(client.signIn.email({ email, password: PASSWORD }, { onSuccess: ({ response }) => {
        token = response.headers.get("set-auth-token");
      } }));
      const bare = createAuthClient({
        baseURL: `${program.url}/api/auth`,
        fetchOptions: { auth: { type: "Bearer", token: () => token } },
      });
      assert.equal((await ok(bare.getSession())).user.email, email);
    });

    test("a mailbox is proved by a link", async () => {
      const ada = await signedUp();
      assert.deepEqual(await ok(ada.client.sendVerificationEmail({ email: ada.email })), { status: true });
      const { token, url } = await message("verify-email", ada.email);
      assert.equal(url, `${program.url}/api/auth/verify-email?token=${token}`);
      assert.deepEqual(await ok(ada.client.verifyEmail({ query: { token } })), { status: true, user: null });
      assert.equal((await session(ada)).user.emailVerified, true);
      const again = browser(program.url).client.verifyEmail({ query: { token } });
      assert.deepEqual(await refused(again), [401, "INVALID_TOKEN"]);
      const twice = ada.client.sendVerificationEmail({ email: ada.email });
      assert.deepEqual(await refused(twice), [400, "EMAIL_ALREADY_VERIFIED"]);
    });

    test("a forgotten password is replaced", async () => {
      const ada = await signedUp();
      const there = browser(program.url);
      const asked = await ok(there.client.requestPasswordReset({ email: ada.email, redirectTo: "/new-password" }));
      assert.equal(asked.status, true);
      const { token, url } = await message("reset-password", ada.email);
      const followed = await there.fetch(url, { redirect: "manual" });
      assert.deepEqual([followed.status, followed.headers.get("location")], [302, `/new-password?token=${token}`]);
      const newPassword = "Battery-Staple-7";
      assert.deepEqual(await ok(there.client.resetPassword({ newPassword, token })), { status: true });
      assert.equal(await session(ada), null);
      assert.deepEqual(await refused(there.client.resetPassword({ newPassword, token })), [400, "INVALID_TOKEN"]);
      await elsewhere(ada, newPassword);
    });

    test("an address changes by two mails once it is proved", async () => {
      const ada = await signedUp();
      await ok(ada.client.sendVerificationEmail({ email: ada.email }));
      await ok(ada.client.verifyEmail({ query: { token: (await message("verify-email", ada.email)).token } }));
      const newEmail = `new-${ada.email}`;
      assert.deepEqual(await ok(ada.client.changeEmail({ newEmail })), { status: true });
      const approved = await ok(ada.client.verifyEmail({ query: { token: (await message("change-email", ada.email)).token } }));
      assert.equal(approved.status, true);
      const moved = await ok(ada.client.verifyEmail({ query: { token: (await message("verify-email", newEmail)).token } }));
      assert.equal(moved.user.email, newEmail);
      assert.equal((await session(ada)).user.email, newEmail);
    });

    test("a magic link signs in, and up", async () => {
      const email = `magic${people += 1}@example.com`;
      for (const callbackURL of [undefined, "/dashboard"]) {
        const here = browser(program.url);
        assert.deepEqual(await ok(here.client.signIn.magicLink({ email, name: "Ada", callbackURL })), { status: true });
        const { url, token } = await message("magic-link", email);
        if (callbackURL) {
          const followed = await here.fetch(url, { redirect: "manual" });
          assert.deepEqual([followed.status, followed.headers.get("location")], [302, callbackURL]);
        } else {
          const entered = await ok(here.client.magicLink.verify({ query: { token } }));
          assert.equal(entered.user.name, "Ada");
        }
        assert.equal((await session(here)).user.email, email);
        const again = browser(program.url).client.magicLink.verify({ query: { token } });
        assert.deepEqual(await refused(again), [400, "INVALID_TOKEN"]);
      }
    });

    test("a person who follows a link sees a page first", async () => {
      const email = `magic${people += 1}@example.com`;
      await ok(browser(program.url).client.signIn.magicLink({ email }));
      const { url, token } = await message("magic-link", email);
      const here = browser(program.url);
      // Node's fetch says of itself that it is a script.
      const page = await plain(url, { accept: "text/html" });
      assert.equal(page.status, 200);
      assert.match(page.body, /<form method="post" action="\/api\/auth\/magic-link\/verify">/);
      assert.equal(await session(here), null);
      const body = new URLSearchParams({ token });
      const pressed = await here.fetch(`${program.url}/api/auth/magic-link/verify`, { method: "POST", body });
      assert.equal(pressed.status, 200);
      assert.equal((await session(here)).user.email, email);
    });

    test("mailed codes sign in, prove, reset and move", async () => {
      const ada = await signedUp();
      const { emailOtp } = ada.client;
      const otp = async (to = ada.email) => (await message("email-otp", to)).otp;
      const there = browser(program.url);
      assert.deepEqual(await ok(emailOtp.sendVerificationOtp({ email: ada.email, type: "email-verification" })), { success: true });
      const check = { email: ada.email, type: "email-verification", otp: await otp() };
      assert.deepEqual(await ok(emailOtp.checkVerificationOtp(check)), { success: true });
      const verified = await ok(emailOtp.verifyEmail({ email: ada.email, otp: await otp() }));
      assert.deepEqual([verified.status, verified.token, verified.user.emailVerified], [true, null, true]);

      await ok(there.client.emailOtp.sendVerificationOtp({ email: ada.email, type: "sign-in" }));
      const wrong = { email: ada.email, otp: "no code" };
      assert.deepEqual(await refused(there.client.signIn.emailOtp(wrong)), [400, "INVALID_OTP"]);
      const entered = await ok(there.client.signIn.emailOtp({ email: ada.email, otp: await otp() }));
      assert.equal(entered.user.email, ada.email);
      assert.equal((await session(there)).user.email, ada.email);

      const newEmail = `otp-${ada.email}`;
      await ok(emailOtp.sendVerificationOtp({ email: ada.email, type: "email-verification" }));
      assert.deepEqual(await ok(emailOtp.requestEmailChange({ newEmail, otp: await otp() })), { success: true });
      assert.deepEqual(await ok(emailOtp.changeEmail({ newEmail, otp: await otp(newEmail) })), { success: true });
      assert.equal((await session(ada)).user.email, newEmail);

      assert.deepEqual(await ok(there.client.emailOtp.requestPasswordReset({ email: newEmail })), { success: true });
      const password = "Battery-Staple-7";
      const reset = { email: newEmail, otp: await otp(newEmail), password };
      assert.deepEqual(await ok(there.client.emailOtp.resetPassword(reset)), { success: true });
      assert.equal(await session(ada), null);
      await elsewhere({ email: newEmail }, password);
    });

    test("a telephone number signs in, and up", async () => {
      const phoneNumber = `+4930${1000000 + (people += 1)}`;
      const otp = async () => (await message("sms-otp", phoneNumber)).otp;
      const here = browser(program.url);
      assert.deepEqual(await ok(here.client.phoneNumber.sendOtp({ phoneNumber })), { message: "code sent" });
      const entered = await ok(here.client.phoneNumber.verify({ phoneNumber, code: await otp() }));
      assert.deepEqual([entered.status, entered.user.phoneNumber, entered.user.phoneNumberVerified], [true, phoneNumber, true]);
      assert.equal((await session(here)).user.id, entered.user.id);

      const there = browser(program.url);
      assert.deepEqual(await ok(there.client.phoneNumber.requestPasswordReset({ phoneNumber })), { status: true });
      const reset = { otp: await otp(), phoneNumber, newPassword: PASSWORD };
      assert.deepEqual(await ok(there.client.phoneNumber.resetPassword(reset)), { status: true });
      const signedIn = await ok(there.client.signIn.phoneNumber({ phoneNumber, password: PASSWORD }));
      assert.equal(signedIn.user.id, entered.user.id);
      const wrong = there.client.signIn.phoneNumber({ phoneNumber, password: "wrong" });
      assert.deepEqual(await refused(wrong), [401, "INVALID_PHONE_NUMBER_OR_PASSWORD"]);

      const ada = await signedUp();
      const second = `+4930${1000000 + (people += 1)}`;
      await ok(ada.client.phoneNumber.sendOtp({ phoneNumber: second }));
      const code = (await message("sms-otp", second)).otp;
      const updated = await ok(ada.client.phoneNumber.verify({ phoneNumber: second, code, updatePhoneNumber: true }));
      assert.equal(updated.user.email, ada.email);
      assert.equal((await session(ada)).user.phoneNumber, second);
    });

    test("a user name signs in", async () => {
      const username = `Ada_${people += 1}`;
      const email = `${username}@example.com`.toLowerCase();
      const here = browser(program.url);
      const { user } = await ok(here.client.signUp.email({ name: "Ada", email, password: PASSWORD, username }));
      assert.deepEqual([user.username, user.displayUsername], [username.toLowerCase(), username]);
      const there = browser(program.url);
      assert.deepEqual(await ok(there.client.isUsernameAvailable({ username })), { available: false });
      const signedIn = await ok(there.client.signIn.username({ username: username.toUpperCase(), password: PASSWORD }));
      assert.equal(signedIn.user.email, email);
      const wrong = there.client.signIn.username({ username, password: "wrong" });
      assert.deepEqual(await refused(wrong), [401, "INVALID_USERNAME_OR_PASSWORD"]);
    });

    test("somebody tries it before they say who they are", async () => {
      const here = browser(program.url);
      const { user } = await ok(here.client.signIn.anonymous());
      assert.deepEqual([user.name, user.isAnonymous], ["Anonymous", true]);
      const twice = here.client.signIn.anonymous();
      assert.deepEqual(await refused(twice), [400, "ANONYMOUS_USERS_CANNOT_SIGN_IN_AGAIN_ANONYMOUSLY"]);
      const email = `ada${people += 1}@example.com`;
      await ok(here.client.signUp.email({ name: "Ada", email, password: PASSWORD }));
      assert.equal((await session(here)).user.isAnonymous, false);
      const there = browser(program.url);
      await ok(there.client.signIn.anonymous());
      assert.deepEqual(await ok(there.client.deleteAnonymousUser()), { success: true });
      assert.equal(await session(there), null);
    });

    test("an account is deleted by mail from an old session", async () => {
      const ada = await signedUp();
      const move = JSON.stringify({ advance_seconds: 24 * 60 * 60 });
      await fetch(`${program.url}/__clock`, { method: "POST", body: move });
      const asked = await ok(ada.client.deleteUser({ callbackURL: "/goodbye" }));
      assert.deepEqual(asked, { success: true, message: "Verification email sent" });
      const { token } = await message("delete-user", ada.email);
      assert.deepEqual(await ok(ada.client.deleteUser({ token })), { success: true, message: "User deleted" });
      assert.equal(await session(ada), null);
    });

    test("the clock moves, and sessions end with it", async () => {
      const ada = await signedUp();
      const advance = async (body) => (await fetch(`${program.url}/__clock`, { method: "POST", body })).status;
      assert.equal(await advance("nonsense"), 400);
      assert.equal(await advance(JSON.stringify({ advance_seconds: -1 })), 400);
      assert.equal(await advance(JSON.stringify({ advance_seconds: 2 * 24 * 60 * 60 })), 204);
      assert.deepEqual(await refused(ada.client.listSessions()), [403, "SESSION_NOT_FRESH"]);
      assert.equal(await advance(JSON.stringify({ advance_seconds: 8 * 24 * 60 * 60 })), 204);
      assert.equal(await session(ada), null);
    });

    test("it says that it is up", async () => {
      const [status, health] = await json(await fetch(`${program.url}/health`));
      assert.deepEqual([status, health.status, typeof health.version], [200, "ok", "string"]);
      assert.deepEqual(await json(await fetch(`${program.url}/api/auth/ok`)), [200, { ok: true }]);
      assert.match(await (await fetch(program.url)).text(), /^<!doctype html>/);
    });
  });
}
