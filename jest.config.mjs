/** Node 24 strips the types itself, so nothing is transformed. Each project is one kind of test; heavy ones run one after the other. */
export default {
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/{apps,libs,tools,e2e}/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 30_000,
  forceExit: false,
};
