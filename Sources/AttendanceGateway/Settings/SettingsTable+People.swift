import AttendanceCore
import Foundation

extension SettingsTable {
    static let peopleCollect = Setting<Bool>(
        .people, "Collect", .flag, default: "no", changes: .atReload,
        "Keep the people and credentials (fingerprints, faces, palms, photos, cards, PINs) that terminals send, sealed "
            + "with the key of [Store] KeyFile. Biometric data: switch it on only where the law lets you.")
    static let peopleNames = Setting<Bool>(
        .people, "Names", .flag, default: "no", changes: .atReload,
        "Bring the names of ERPNext's active employees to the terminals, under the id of EmployeeField.")
    static let peopleLeavers = Setting<Bool>(
        .people, "Leavers", .choice(["keep": false, "remove": true]), default: "keep", changes: .atReload,
        "remove: whoever has left by ERPNext (status Left, or the relieving date is past) is erased from the roster "
            + "and from every terminal, with a receipt.")
    static let peopleKeepDays = Setting<Int>(
        .people, "KeepDays", .integer(0...3650), default: "0", changes: .atReload,
        "Credentials that no terminal has shown for so many days are deleted from the roster. 0: none are.")
    static let peoplePhotoDays = Setting<Int>(
        .people, "PhotoDays", .integer(1...3650), default: "90", changes: .atReload,
        "Photos of punches (KeepPhotos in [Terminals]) are deleted after so many days.")
    static let groupShareCredentials = Setting<Bool>(
        .group, "ShareCredentials", .flag, default: "no", changes: .atReload,
        "Copy credentials between the terminals of this group: enrol once, work everywhere. Needs Collect in [People]."
    )
    static let storeKeyFile = Setting<String?>(
        .store, "KeyFile", .optional(.folder), inWords: "vault.key in the folder of the journal",
        example: "/etc/attendance-gateway/vault.key",
        "File with the keys that seal credentials and photos; made on first need, for its owner alone. Back it up "
            + "apart from the journal: without it nothing that is sealed can be read.")

    static let peopleRows: [SettingRow] = [
        peopleCollect.row, peopleNames.row, peopleLeavers.row, peopleKeepDays.row, peoplePhotoDays.row,
    ]
}
