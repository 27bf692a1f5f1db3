/** This package's version, equal to package.json's. */
export const version = "0.1.0";
