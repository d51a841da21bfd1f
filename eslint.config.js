import eslint from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const readonly = (names) => Object.fromEntries(names.map((name) => [name, "readonly"]));

/** What a page's script uses of a browser. */
const browserGlobals = readonly([
  "AbortController",
  "EventSource",
  "ResizeObserver",
  "TextDecoder",
  "TextDecoderStream",
  "HTMLButtonElement",
  "HTMLElement",
  "HTMLFormElement",
  "HTMLInputElement",
  "HTMLOListElement",
  "HTMLOutputElement",
  "HTMLUListElement",
  "Response",
  "TextEncoder",
  "URL",
  "URLSearchParams",
  "WebTransport",
  "clearTimeout",
  "document",
  "fetch",
  "location",
  "performance",
  "requestAnimationFrame",
  "setInterval",
  "setTimeout",
  "window",
]);

const nodeGlobals = readonly([
  "AbortController",
  "AbortSignal",
  "Buffer",
  "TextDecoder",
  "TextEncoder",
  "URL",
  "clearInterval",
  "clearTimeout",
  "console",
  "fetch",
  "performance",
  "process",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
  "structuredClone",
]);

const defaultExport = {
  selector: "ExportDefaultDeclaration",
  message: "Export by name: a default export has as many names as importers.",
};

/** Arguments stand on the stack: some 100,000 of them are a RangeError, and so many bytes come in one URL. */
const spreadArguments = {
  selector:
    "CallExpression[callee.property.name=/^(push|unshift|splice|concat|fromCharCode|fromCodePoint|max|min|of)$/] > SpreadElement",
  message: "Take what is spread one by one, or in pieces: the stack may not hold it.",
};

export default defineConfig(
  globalIgnores([
    ".cache/",
    "benchmarks/results/",
    "coverage/",
    "dist/",
    "site/dist/",
    "site/.staged/",
    "**/node_modules/",
    "**/target/",
  ]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  eslint.configs.recommended,
  // A longer file has more than one reason to exist. A table that is longer would be excepted here by its name; there is none.
  { rules: { "max-lines": ["error", { max: 400, skipBlankLines: false, skipComments: false }] } },
  {
    files: ["src/**/*.ts", "test/**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // Listeners that a test or a default does not need.
      "@typescript-eslint/no-empty-function": ["error", { allow: ["arrowFunctions", "methods"] }],
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "none" }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // tsconfig's noPropertyAccessFromIndexSignature asks for the brackets that this rule would take away.
      "@typescript-eslint/dot-notation": "off",
      // `while (true)` is how a parser says "until there is no more".
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ],
      eqeqeq: "error",
      "no-restricted-syntax": ["error", defaultExport],
    },
  },
  { files: ["src/**/*.ts"], rules: { "no-restricted-syntax": ["error", defaultExport, spreadArguments] } },
  {
    files: ["test/**/*.ts"],
    rules: {
      // Vitest's describe() and it() take functions that are written in place; fakes implement async contracts at once.
      "@typescript-eslint/explicit-module-boundary-types": "off",
      "@typescript-eslint/require-await": "off",
      // `expect(fake.method)` never calls it.
      "@typescript-eslint/unbound-method": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
  // Modules that a test or a cluster loads by URL are asked for a default export.
  {
    files: ["test/fixtures/**/*.ts", "test/**/fixtures/**/*.ts", "test/package/programs/*-app.ts"],
    rules: { "no-restricted-syntax": "off" },
  },
  { files: ["*.ts", "benchmarks/**/*.ts", "examples/**/*.ts"], extends: [tseslint.configs.strict] },
  {
    files: [
      "src/server/development/*.js",
      "src/monitor/dashboard/page/*.js",
      "examples/*/page/*.js",
      "create/template/public/*.js",
    ],
    languageOptions: { globals: browserGlobals },
  },
  { files: ["**/*.mjs", "**/*.cjs", "*.js"], languageOptions: { globals: nodeGlobals } },
  { files: ["test/package/browser.mjs"], languageOptions: { globals: browserGlobals } },
  { files: ["**/*.cjs"], languageOptions: { sourceType: "commonjs" } },
);
