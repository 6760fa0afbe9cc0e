"""The table of keys in a plugin's README, made from its schema.json. To write it anew after a change of the schema:

    python3 tests/support/configuration_table.py plugins/cors
"""
import json
import pathlib
import re
import sys

HEAD = "| key | type | default | meaning |\n|---|---|---|---|\n"
TABLE = re.compile(r"(?<=\n)(\|.*\n)+")
SECTION = re.compile(r"^## Configuration\n.*?(?=^## )", re.M | re.S)
PLURALS = {"text": "texts", "number": "numbers", "integer": "integers"}


def made(schema):
    """The table; empty when the plugin takes no keys."""
    rows = "".join(f"| {' | '.join(row)} |\n" for row in rows_of(schema, schema, ""))
    return HEAD + rows if rows else ""


def written(readme):
    table = TABLE.search(SECTION.search(readme).group())
    return table.group() if table else ""


def rewritten(readme, schema):
    section = SECTION.search(readme)
    return readme[:section.start()] + TABLE.sub(lambda _: made(schema), section.group(), count=1) + readme[section.end():]


def rows_of(schema, document, prefix):
    """A row for each key that has a description, and for those inside of it."""
    required = schema.get("required", [])
    for name, given in schema.get("properties", {}).items():
        key = {**resolved(given, document), **given}
        if "description" in key and "properties" not in key:
            yield f"`{prefix}{name}`", type_of(key, document), default_of(key, name in required), re.sub(r"([|*])", r"\\\1", key["description"])
        yield from rows_of(key, document, f"{prefix}{name}.")
        yield from rows_of(resolved(key.get("items", {}), document), document, f"{prefix}{name}[].")


def resolved(schema, document):
    reference = schema.get("$ref")
    return document["definitions"][reference.removeprefix("#/definitions/")] if reference else schema


def type_of(given, document):
    schema = resolved(given, document)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return one_of([resolved(choice, document) for choice in schema["anyOf"]], document)
    if schema["type"] == "array":
        return "list of " + plural(type_of(schema["items"], document)) + bounds(schema, "minItems", "maxItems")
    if schema["type"] == "object":
        values = schema.get("additionalProperties")
        return "map of " + plural(type_of(values, document)) if values else names_of(schema)
    if schema["type"] == "string" and "format" not in schema:
        return "text" + length_of(schema)
    return schema.get("format", schema["type"]) + bounds(schema, "minimum", "maximum")


def one_of(choices, document):
    """The last may be a list of the others."""
    words = [type_of(choice, document) for choice in choices]
    if choices[-1].get("type") == "array" and type_of(choices[-1]["items"], document) == words[0]:
        words[-1] = "a list of these" + bounds(choices[-1], "minItems", "maxItems")
    return " or ".join(words)


def plural(type_text):
    word = type_text.split(" ")[0]
    return PLURALS.get(word, word) + type_text[len(word):]


def names_of(schema):
    """{id, sha256, tier}, or one of several maps with one key each."""
    names = list(schema["properties"])
    if schema.get("maxProperties") == 1:
        return ", ".join(f"`{{{name}}}`" for name in names)
    return f"`{{{', '.join(names)}}}`" if len(names) <= 4 else "maps"


def length_of(schema):
    if "maxLength" in schema:
        return f", {schema.get('minLength', 0)} to {schema['maxLength']} characters"
    return ", not empty" if "minLength" in schema else ""


def bounds(schema, least, most):
    low, high = (bound(schema.get(name)) for name in (least, most))
    if "exclusiveMinimum" in schema:
        return f" above {schema['exclusiveMinimum']}"
    if low and high:
        return f", {low} to {high}"
    return f", at most {high}" if high else f", at least {low}" if low else ""


def bound(value):
    return f"{value:,}" if isinstance(value, int) and value else value if value else None


def default_of(schema, required):
    if required:
        return "required"
    if "default" not in schema:
        return ""
    return f"`{in_yaml(schema['default'])}`" if schema["default"] != "" else "empty"


def in_yaml(value):
    if isinstance(value, list):
        return "[" + ", ".join(map(in_yaml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {in_yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, str):
        return json.dumps(value) if value == "*" else value
    return json.dumps(value)


def rewrite(folder):
    readme = folder / "README.md"
    readme.write_text(rewritten(readme.read_text(), json.loads((folder / "schema.json").read_text())))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        rewrite(pathlib.Path(name))
