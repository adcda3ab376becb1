import AttendanceCore

/// How one family of firmware differs from the others. Source: docs/protocol.md §5 to §8.
package struct FirmwareProfile: Hashable, Sendable {
    /// How lists of several pages are asked for and numbered (docs/protocol.md §8.5).
    package enum Paging: Hashable, Sendable {
        /// `stn`. `countsTotal`: `count` of a user list is the total; else it is the number of rows of this page.
        /// `isExclusive`: `to` is the number behind the last row; else that of the last row.
        case stn(countsTotal: Bool, isExclusive: Bool)
        /// `page` from 1 on and `pagesize`; a request without `page` is answered as if there were nothing (Q19).
        case pages
    }

    package struct Capacities: Hashable, Sendable {
        package var users = 3000
        package var faces = 0
        package var fingers = 3000
        package var palms = 0
        package var cards = 3000
        package var passwords = 3000
        package var logs = 100_000
    }

    /// As a person would name it, and as `simulate --firmware` takes it.
    package var name: String
    /// `modelname` and `firmware` of `reg`.
    package var model: String
    package var firmware: String
    /// `fpalgo`.
    package var fingerAlgorithm: FingerAlgorithm
    package var capacities = Capacities()
    /// Words it knows; everything else is answered with *can not find this command*.
    package var words: Set<String>
    /// Kinds of credential it can keep.
    package var kinds: Set<CredentialKind>
    /// Failures carry `msg` beside `reason`.
    package var explainsFailures = false
    /// Answers carry the word under `cmd` (Q22).
    package var echoesCommand = false
    package var paging = Paging.stn(countsTotal: false, isExclusive: false)
    /// An empty list is answered `result:false` with *have no data* instead of `count` 0.
    package var refusesEmptyLists = false
    /// Rows of a page of users and of logs.
    package var userPage = 40
    package var logPage = 50
    /// Records in one push, at most.
    package var pushBatch = 20
    /// Records in a log message carry `name`, empty or not.
    package var namesInLogs = false
    /// Records in a log message carry `temp`.
    package var measuresTemperature = false
    /// `sn` stands in `senduser` too.
    package var signsUsers = false
    /// The key of `enableuser` and of `settime`.
    package var enableKey = "enflag"
    package var timeKey = "cloudtime"
    /// A batch counts as delivered only with `mark:true` in its answer.
    package var needsMark = false
    /// A batch counts as delivered only when `count` and `logindex` are echoed (Q1).
    package var needsEcho = true
    /// `deleteuser` with `backupnum` 12 removes the whole user, not only the fingerprints.
    package var twelveDeletesUser = false
    /// `getuserinfo` without `backupnum` answers with the first credential.
    package var answersFirstCredential = false
    /// `setuserinfo` of slot 0 with record "0", or of slot 13, writes a user without a credential.
    package var takesBareUsers = false
    /// `setuserinfo` answers with `enrollid` and `backupnum`.
    package var echoesUser = false
    /// The longest user number, in digits; a setting lifts it to 18 (Q25).
    package var idDigits = 9
    /// Pushes every user by `senduser` after `cleanlog` (Q23).
    package var pushesUsersAfterCleanLog = false
    /// Obeys `tryseconds` of the `reg` answer, and sends `checklive`.
    package var checksLive = false
    /// `usedrtlog` and the other keys of face terminals in `reg`.
    package var tellsRealTimeLogs = false
    /// Locks it can open one by one.
    package var doors = 1
    package var modes = VerifyCodes()

    /// `mode` of a log record by how the person was recognised; firmwares clash (docs/protocol.md §6.2).
    package struct VerifyCodes: Hashable, Sendable {
        package var finger = 1
        package var card = 2
        package var password = 3
        package var face = 8
    }
}

/// Whose templates a terminal reads; one family cannot match those of the other.
package enum FingerAlgorithm: String, Hashable, Sendable {
    case thbio1 = "thbio1.0"
    case thbio3 = "thbio3.0"

    /// The length that a template stays under, in characters.
    package var templateLimit: Int { self == .thbio1 ? 1024 : 1620 }
}
