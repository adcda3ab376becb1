import AttendanceCore
import AttendanceSimulation
import Foundation
import Testing

/// Ways in which the CSV's place cannot be written. All of them stop root as well.
enum CSVObstacle: String, CaseIterable, Sendable {
    case fullDisk = "a disk without room"
    case fileForFolder = "a file where the folder should be"
    case folderForFile = "a folder where the file should be"
    case vanishedDisk = "a link to nowhere, as of a disk that is not mounted"

    /// `folder` does not exist yet; `file` is the month's file in it.
    func put(folder: String, file: String) throws {
        let files = FileManager.default
        if self == .fullDisk || self == .folderForFile {
            try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        switch self {
        case .fullDisk: try files.createSymbolicLink(atPath: file, withDestinationPath: "/dev/full")
        case .fileForFolder: try Data().write(to: URL(fileURLWithPath: folder))
        case .folderForFile: try files.createDirectory(atPath: file, withIntermediateDirectories: false)
        case .vanishedDisk:
            try files.createSymbolicLink(atPath: folder, withDestinationPath: folder + "-not-mounted/csv")
        }
    }

    func mend(folder: String, file: String) throws {
        let files = FileManager.default
        switch self {
        case .fullDisk, .folderForFile: try files.removeItem(atPath: file)
        case .fileForFolder, .vanishedDisk: try files.removeItem(atPath: folder)
        }
    }

    /// Part of what the system says.
    var words: String {
        switch self {
        case .fullDisk: "No space left on device"
        case .fileForFolder: "Not a directory"
        case .vanishedDisk: "the folder cannot be made"
        case .folderForFile: "Is a directory"
        }
    }
}

@Suite struct `A CSV that cannot be written` {
    @Test(.timeLimit(.minutes(10)), arguments: CSVObstacle.allCases)
    func `delays the CSV and nothing else, and is complete once mended`(_ obstacle: CSVObstacle) async throws
    {
        let folder = try TemporaryFolder()
        let time = wallNow(-60)
        let place = folder.path + "/csv"
        let file = "\(place)/\(time.month)-attendance.csv"
        try obstacle.put(folder: place, file: file)
        try await withERPNext { erp in
            try await withGateway(
                ["CSV.Directory=\(place)"], erp: erp, folder: folder, delivery: .hastened(by: 10)
            ) { gateway in
                let terminal = try await gateway.connect("ZX01")
                try await terminal.register()
                for person in UInt64(1)...20 {
                    #expect(try await terminal.sendLog([.tfs(person, at: time)]).isSuccess)
                }
                await erp.checkinCount(reaches: 20)
                try await gateway.outboxIsEmpty()
                try await eventually { try await gateway.sink("csv")?.state == "unavailable" }
                let sink = try #require(try await gateway.sink("csv"))
                #expect(sink.reason?.contains(place) == true)
                #expect(sink.reason?.contains(obstacle.words) == true, "\(sink.reason ?? "")")
                #expect(sink.remedy?.isEmpty == false)
                #expect(try await gateway.health()["status"] as? String == "degraded")
                #expect(try await gateway.sink("erpnext")?.state == "running")

                try obstacle.mend(folder: place, file: file)
                try await eventually { try await gateway.health()["status"] as? String == "ok" }
                #expect(try await terminal.sendLog([.tfs(21, at: time)]).isSuccess)
                let wanted = Set((1...21).map { "\(time),\($0),ZX01,Success" })
                try await eventually {
                    try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").count >= 22
                }
                let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map(
                    String.init)
                #expect(lines.first == "Timestamp,Enroll ID,Name,Device ID,ERP Status")
                // The name is the employee's, as soon as the site has been read.
                let lookedAt = lines.dropFirst().map { line in
                    var cells = line.split(separator: ",", omittingEmptySubsequences: false)
                    cells.remove(at: 2)
                    return cells.joined(separator: ",")
                }
                #expect(lines.count == 22 && Set(lookedAt) == wanted)
            }
        }
    }
}
