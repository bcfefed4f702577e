// Which files of tests need a process of their own, by their text.

/** The environment, signals and flags are the process's. Inside of a line, what kills is the text of a child. */
export const changesItsProcess =
  /process\.(env(\.\w+)? = |chdir\(|emit\()|^\s*process\.kill\(process\.pid|delete process\.env|setFlagsFromString\(/m;
