import js from "@eslint/js";
import boundaries from "eslint-plugin-boundaries";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "artifacts/", "node_modules/"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ["src/**/*.{ts,tsx}"],
    plugins: { boundaries, "react-hooks": reactHooks },
    settings: {
      "import/resolver": { typescript: { project: "./tsconfig.json" } },
      "boundaries/elements": [
        { type: "shared", pattern: "src/shared" },
        { type: "feature", pattern: "src/features/*", capture: ["name"] },
        { type: "app", pattern: "src/app" },
      ],
    },
    rules: {
      ...reactHooks.configs.recommended.rules,
      "no-console": "error",
      "boundaries/no-unknown-files": "error",
      // shared → features → app; a feature imports nothing of another one.
      "boundaries/dependencies": [
        "error",
        {
          default: "disallow",
          rules: [
            { from: { type: "shared" }, allow: { to: { type: "shared" } } },
            {
              from: { type: "feature" },
              allow: { to: [{ type: "shared" }, { type: "feature", captured: { name: "{{from.captured.name}}" } }] },
            },
            { from: { type: "app" }, allow: { to: [{ type: "shared" }, { type: "feature" }, { type: "app" }] } },
          ],
        },
      ],
    },
  },
  {
    files: ["e2e/**/*.mjs", "*.js"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        Buffer: "readonly",
        setTimeout: "readonly",
        setInterval: "readonly",
        clearTimeout: "readonly",
        URLSearchParams: "readonly",
      },
    },
  },
);
