import Foundation
import PackagePlugin

/// Tells the program the commit it is built from, without a generated file in the source tree.
///
/// Runs git at each build and writes one line of Swift; the file is touched only when that line changes, so that a build
/// of the same commit compiles nothing. Without git or outside of a repository the commit is `unknown`.
@main struct CommitStamp: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let folder = context.pluginWorkDirectoryURL.appending(path: "stamp", directoryHint: .isDirectory)
        // In a folder that is only part of another repository git would tell that one's commit.
        let script = """
            commit=unknown
            if [ -e "$1/.git" ] && found=$(git -C "$1" rev-parse --short=12 HEAD 2>/dev/null); then
                commit=$found
                git -C "$1" diff --quiet HEAD -- 2>/dev/null || commit=$commit-modified
            fi
            mkdir -p "$2"
            printf 'let commitOfThisBuild = "%s"\\n' "$commit" > "$2/Commit.swift.new"
            if cmp -s "$2/Commit.swift.new" "$2/Commit.swift"; then
                rm "$2/Commit.swift.new"
            else
                mv "$2/Commit.swift.new" "$2/Commit.swift"
            fi
            """
        return [
            .prebuildCommand(
                displayName: "Stamp the commit", executable: URL(filePath: "/bin/sh"),
                arguments: ["-c", script, "sh", context.package.directoryURL.path, folder.path],
                outputFilesDirectory: folder)
        ]
    }
}
