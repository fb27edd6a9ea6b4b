"""Users, their passwords (salted hashes only) and what they may access."""

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Any

import orjson

from workshop.arango.embedded.errors import ArangoError

if TYPE_CHECKING:
    from workshop.arango.embedded.storage import Storage

LEVELS = ("none", "ro", "rw")
_COST = {"n": 1 << 14, "r": 8, "p": 1}


class Users:
    """The users of a server. A user is printed as {"user": name, "active": bool, "extra": {…}}.

    Reading needs the store's reading(), changing its writing().
    """

    def __init__(self, store: "Storage"):
        self._store = store
        self._secret = secrets.token_bytes(32)
        self._verified: dict[str, bytes] = {}

    def all(self) -> list[dict[str, Any]]:
        """All users, sorted by name."""
        rows = self._store.execute("SELECT name, active, extra FROM users ORDER BY name").fetchall()
        return [_printed(*row) for row in rows]

    def get(self, name: str) -> dict[str, Any]:
        """The user of that name. ArangoError 1703."""
        row = self._store.execute("SELECT name, active, extra FROM users WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise ArangoError(1703)
        return _printed(*row)

    def create(self, name: str, password: str = "", *, active: bool = True, extra: Any = None) -> dict[str, Any]:
        """Create a user, who may access nothing yet. ArangoError 1700, 1702."""
        if not isinstance(name, str) or not name:
            raise ArangoError(1700)
        if not isinstance(password, str):
            raise ArangoError(10, "'passwd' must be a string")
        if self._store.execute("SELECT 1 FROM users WHERE name = ?", (name,)).fetchone():
            raise ArangoError(1702)
        self._store.change_catalog()
        row = (name, int(bool(active)), orjson.dumps(extra or {}).decode(), _hash(password))
        self._store.execute("INSERT INTO users VALUES (?, ?, ?, ?)", row)
        return self.get(name)

    def update(
        self, name: str, *, password: str | None = None, active: bool | None = None, extra: Any = None
    ) -> dict[str, Any]:
        """Change what is not None. ArangoError 1703."""
        self.get(name)
        self._store.change_catalog()
        self.forget(name)
        if password is not None:
            if not isinstance(password, str):
                raise ArangoError(10, "'passwd' must be a string")
            self._store.execute("UPDATE users SET password = ? WHERE name = ?", (_hash(password), name))
        if active is not None:
            self._store.execute("UPDATE users SET active = ? WHERE name = ?", (int(bool(active)), name))
        if extra is not None:
            self._store.execute("UPDATE users SET extra = ? WHERE name = ?", (orjson.dumps(extra).decode(), name))
        return self.get(name)

    def remove(self, name: str) -> None:
        """Remove a user and what was granted. ArangoError 1703."""
        self.get(name)
        self._store.change_catalog()
        self.forget(name)
        self._store.execute("DELETE FROM users WHERE name = ?", (name,))
        self._store.execute("DELETE FROM grants WHERE user = ?", (name,))

    def ensure_root(self, password: str) -> None:
        """See to it that there is a user root with this password, who may access everything."""
        if self._store.execute("SELECT 1 FROM users WHERE name = 'root'").fetchone():
            if not self.check("root", password):
                self.update("root", password=password, active=True)
        else:
            self.create("root", password)
        self.grant("root", "*", "rw")

    def welcome(self, user: dict[str, Any], database: str) -> None:
        """Create a user who comes with a new database, if need be, and grant access to it."""
        name = user.get("username") or user.get("user")
        if not self._store.execute("SELECT 1 FROM users WHERE name = ?", (name,)).fetchone():
            self.create(name, user.get("passwd") or "", active=user.get("active", True), extra=user.get("extra"))
        self.grant(name, database, "rw")

    def check(self, name: str, password: str) -> bool:
        """Whether the password is the user's and the user active. What was right once is quick to check again."""
        row = self._store.execute("SELECT active, password FROM users WHERE name = ?", (name,)).fetchone()
        if row is None or not row[0]:
            return False
        digest = hmac.digest(self._secret, f"{row[1]}\0{password}".encode("utf-8", "surrogatepass"), "sha256")
        known = self._verified.get(name)
        if known is not None and hmac.compare_digest(digest, known):
            return True
        salt, _, wanted = row[1].partition("$")
        right = hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), wanted)
        if right:
            self._verified[name] = digest
        return right

    def forget(self, name: str | None = None) -> None:
        """Check passwords anew, of one user or of all."""
        if name is None:
            self._verified.clear()
        else:
            self._verified.pop(name, None)

    def grant(self, name: str, database: str, level: str, collection: str | None = None) -> None:
        """Set the level ("rw", "ro", "none") for a database or a collection of it. ArangoError 1703.

        The database "*" stands for those without a level of their own; so does the collection "*" within a database.
        """
        if level not in LEVELS:
            raise ArangoError(10, "the access level must be 'rw', 'ro' or 'none'")
        self.get(name)
        self._store.change_catalog()
        self._store.execute("INSERT OR REPLACE INTO grants VALUES (?, ?, ?, ?)", (name, database, collection or "", level))

    def revoke(self, name: str, database: str, collection: str | None = None) -> None:
        """Clear what was granted, so that the more general level is in force. ArangoError 1703."""
        self.get(name)
        self._store.change_catalog()
        self._store.execute(
            "DELETE FROM grants WHERE user = ? AND database = ? AND collection = ?", (name, database, collection or "")
        )

    def level(self, name: str, database: str, collection: str | None = None) -> str:
        """The level in force: "rw", "ro" or "none".

        A collection goes by its own level, then by that for its database's collections, then by the database's.
        """
        granted = self._granted(name)
        places = [(database, ""), ("*", "")]
        if collection is not None:
            places = [(database, collection), (database, "*"), ("*", "*"), *places]
        return next((granted[place] for place in places if place in granted), "none")

    def granted(self, name: str) -> dict[str, dict[str, Any]]:
        """What was granted: {database: {"permission": level, "collections": {collection: level}}}. ArangoError 1703."""
        self.get(name)
        found: dict[str, dict[str, Any]] = {}
        for (database, collection), level in self._granted(name).items():
            entry = found.setdefault(database, {"permission": "undefined", "collections": {}})
            if collection:
                entry["collections"][collection] = level
            else:
                entry["permission"] = level
        return found

    def _granted(self, name: str) -> dict[tuple[str, str], str]:
        rows = self._store.execute("SELECT database, collection, level FROM grants WHERE user = ?", (name,)).fetchall()
        return {(database, collection): level for database, collection, level in rows}


def _printed(name: str, active: int, extra: str) -> dict[str, Any]:
    return {"user": name, "active": bool(active), "extra": orjson.loads(extra)}


def _hash(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt)}"


def _scrypt(password: str, salt: bytes) -> str:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, dklen=32, **_COST).hex()
