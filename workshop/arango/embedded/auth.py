"""Who sends a request: Basic passwords and JSON web tokens, and what the sender may access."""

import base64
import binascii
import hmac
import secrets
import time
from typing import TYPE_CHECKING, Any

import jwt

from workshop.arango.embedded.errors import ArangoError

if TYPE_CHECKING:
    from workshop.arango.embedded.storage import Storage

LIFETIME = 3600
"""Seconds that a token is valid."""

_KNOWN = 1024
_REFUSED = "not authorized to execute this request"


def refusal(message: str = _REFUSED) -> ArangoError:
    """The error for a request without valid credentials, or without access to its database."""
    return ArangoError(11, message, http=401)


class Authenticator:
    """Checks credentials against the users of a store, and tokens against the secret they are signed with.

    What was found is remembered until `forget` is called, so that known credentials need no lock and no hashing of
    passwords. Whoever changes users or databases calls `forget` while still holding the store's writing().
    """

    def __init__(self, store: "Storage", secret: str):
        if not secret:
            raise ValueError("the secret that tokens are signed with must not be empty")
        self.store = store
        self._secret = secret.encode()
        self._salt = secrets.token_bytes(32)
        self._headers: dict[bytes, tuple[str | None, float]] = {}
        self._admitted: set[tuple[str | None, str]] = set()
        self._levels: dict[tuple[str, str], str] = {}
        self._unrestricted: dict[tuple[str, str], bool] = {}

    def forget(self) -> None:
        """Check everything anew."""
        self._headers.clear()
        self._admitted.clear()
        self._levels.clear()
        self._unrestricted.clear()

    # Who it is

    def known(self, header: str | None) -> tuple[bool, str | None]:
        """Whether an Authorization header was found right before, and whose it is; None for a superuser. Takes no lock."""
        if header is None:
            raise refusal()
        found = self._headers.get(self._digest(header))
        if found is None or found[1] < time.time():
            return False, None
        return True, found[0]

    def identify(self, header: str) -> str | None:
        """The user of an Authorization header; None for a superuser. ArangoError 11 with status 401."""
        scheme, _, credentials = header.partition(" ")
        with self.store.reading():
            if scheme.lower() == "basic":
                user, until = self._basic(credentials.strip()), float("inf")
            elif scheme.lower() == "bearer":
                user, until = self._bearer(credentials.strip())
            else:
                raise refusal()
            if len(self._headers) >= _KNOWN:
                self._headers.clear()
            self._headers[self._digest(header)] = user, until
        return user

    def _digest(self, header: str) -> bytes:
        return hmac.digest(self._salt, header.encode("utf-8", "surrogatepass"), "sha256")

    def _basic(self, credentials: str) -> str:
        try:
            user, colon, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, ValueError) as error:
            raise refusal() from error
        if not colon or not self.store.users.check(user, password):
            raise refusal()
        return user

    def _bearer(self, token: str) -> tuple[str | None, float]:
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                issuer="arangodb",
                options={"require": ["iss"], "verify_aud": False},
            )
        except jwt.InvalidTokenError as error:
            raise refusal() from error
        until = float(claims.get("exp", "inf"))
        user = claims.get("preferred_username")
        if user is None and isinstance(claims.get("server_id"), str):
            return None, until
        try:
            if not isinstance(user, str) or not self.store.users.get(user)["active"]:
                raise refusal()
        except ArangoError as error:
            raise refusal() from error
        return user, until

    def token(self, user: Any, password: Any) -> str:
        """A new token for a user. ArangoError 401: wrong password."""
        with self.store.reading():
            if not self.store.users.check(user, password):
                raise ArangoError(401, "Wrong credentials")
        now = int(time.time())
        claims = {"iss": "arangodb", "preferred_username": user, "iat": now, "exp": now + LIFETIME}
        return jwt.encode(claims, self._secret, algorithm="HS256")

    # What they may access

    def is_admitted(self, user: str | None, database: str) -> bool:
        """Whether `admit` let this user into this database before. Takes no lock."""
        return (user, database) in self._admitted

    def admit(self, user: str | None, database: str) -> None:
        """Let a user into a database. ArangoError 11 with status 401: no access; 1228: no such database.

        Who has no access is not told whether there is such a database.
        """
        with self.store.reading():
            if self.level(user, database) == "none":
                raise refusal()
            self.store.database(database)
            self._admitted.add((user, database))

    def level(self, user: str | None, database: str) -> str:
        """ "rw", "ro" or "none" for a database, which need not exist. Takes the store's lock the first time."""
        if user is None:
            return "rw"
        found = self._levels.get((user, database))
        if found is None:
            with self.store.reading():
                found = self.store.users.level(user, database)
                if database in self.store.databases():  # made-up names are not kept
                    self._levels[user, database] = found
        return found

    def unrestricted(self, user: str | None, database: str) -> bool:
        """Whether the user may write to every collection of a database."""
        if user is None:
            return True
        found = self._unrestricted.get((user, database))
        if found is None:
            with self.store.reading():
                granted = self.store.users.granted(user)
                limits = [granted[name]["collections"] for name in (database, "*") if name in granted]
                found = self.store.users.level(user, database) == "rw" and not any(limits)
                self._unrestricted[user, database] = found
        return found
