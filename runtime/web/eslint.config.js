import { readdirSync } from "node:fs";

import js from "@eslint/js";
import reactHooks from "eslint-plugin-react-hooks";
import globals from "globals";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "artifacts/", "node_modules/"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { project: ["tsconfig.json", "tsconfig.node.json"], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ["src/**/*.{ts,tsx}"],
    plugins: { "react-hooks": reactHooks },
    rules: { ...reactHooks.configs.recommended.rules, "no-console": "error" },
  },
  // shared → features → app; a feature imports nothing of another one.
  mayNotImport("src/shared", ["@/features/**", "@/app/**"]),
  ...readdirSync(new URL("src/features", import.meta.url)).map((name) =>
    mayNotImport(`src/features/${name}`, [
      "@/features/**",
      `!@/features/${name}`,
      `!@/features/${name}/**`,
      "@/app/**",
    ]),
  ),
  {
    files: ["**/*.{js,mjs}"],
    languageOptions: { globals: globals.node },
  },
);

/** What files of a folder may not import, as patterns of addresses; relative paths lead out of it unseen. */
function mayNotImport(folder, group) {
  return {
    files: [`${folder}/**/*.{ts,tsx}`],
    rules: { "no-restricted-imports": ["error", { patterns: [{ group: [...group, "../**", "./**"] }] }] },
  };
}
