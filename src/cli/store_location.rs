//! The location of the store.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use vactor::Folder;
use vactor::{Category, Error};

use crate::cli::output::Problem;

/// The folder's name if no path is given.
pub const FOLDER: &str = ".vactor";
const VARIABLE: &str = "VACTOR_STORE";

/// The folder of a store, which may not exist yet, and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreLocation {
    pub folder: PathBuf,
    pub why: LocationReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LocationReason {
    /// `--store` names it.
    Flag,
    /// The variable VACTOR_STORE names it.
    Environment,
    /// The nearest `.vactor` from the current folder upwards.
    Nearest,
    /// There is none. `init` and `register` make one here.
    New,
}

impl StoreLocation {
    /// Opens the folder.
    pub fn open(&self) -> Result<Folder, Error> {
        self.trusted(Folder::open(&self.folder)?)
    }

    /// Opens the folder, and makes it if it does not exist.
    pub fn create(&self) -> Result<Folder, Error> {
        self.trusted(Folder::create(&self.folder)?)
    }

    /// Whether the folder has a store.
    pub fn has_store(&self) -> Result<bool, Error> {
        match self.open() {
            Ok(folder) => folder.has_store(),
            Err(Error::NoStore { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A folder that the user did not name must belong to the user.
    fn trusted(&self, folder: Folder) -> Result<Folder, Error> {
        match self.why {
            LocationReason::Flag | LocationReason::Environment => Ok(folder),
            LocationReason::Nearest | LocationReason::New => folder.check_found().map(|()| folder),
        }
    }
}

impl LocationReason {
    pub fn sentence(self) -> &'static str {
        match self {
            LocationReason::Flag => "`--store` names it",
            LocationReason::Environment => "VACTOR_STORE names it",
            LocationReason::Nearest => "it is the nearest .vactor from here upwards",
            LocationReason::New => "there is no store yet",
        }
    }
}

/// The location of the store: `--store`, else VACTOR_STORE, else the nearest `.vactor` from here
/// upwards, else a new one here.
pub fn find(flag: Option<&OsStr>) -> Result<StoreLocation, Problem> {
    let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
    let named = match (flag, variable) {
        (Some(flag), _) => Some((PathBuf::from(flag), LocationReason::Flag)),
        (None, Some(variable)) => Some((PathBuf::from(variable), LocationReason::Environment)),
        (None, None) => None,
    };
    if let Some((folder, why)) = named {
        refuse_urls(&folder)?;
        return Ok(StoreLocation { folder, why });
    }
    let here = std::env::current_dir().map_err(|error| {
        Problem::new(Category::Store, "io", "cannot find the current folder").cause(error.to_string())
    })?;
    Ok(nearest(&here))
}

fn nearest(here: &Path) -> StoreLocation {
    let folders = here.ancestors().map(|folder| folder.join(FOLDER));
    match folders.into_iter().find(|folder| Folder::is_taken(folder)) {
        Some(folder) => StoreLocation { folder, why: LocationReason::Nearest },
        None => StoreLocation { folder: here.join(FOLDER), why: LocationReason::New },
    }
}

fn refuse_urls(folder: &Path) -> Result<(), Problem> {
    let text = folder.to_string_lossy();
    match text.split_once("://") {
        Some((scheme, _)) => {
            let problem = Problem::input(format!("a store cannot be at a URL of the scheme {scheme}://"));
            Err(problem.hint("`--store` and VACTOR_STORE take a folder's path"))
        }
        None if text.is_empty() => Err(Problem::input("`--store` is empty").hint("it takes a folder's path")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_folder_upwards_is_found() {
        let top = tempfile::tempdir().unwrap();
        let deep = top.path().join("a/b/c");
        std::fs::create_dir_all(&deep).unwrap();
        assert_eq!(nearest(&deep), StoreLocation { folder: deep.join(".vactor"), why: LocationReason::New });
        let store = top.path().join("a/.vactor");
        std::fs::create_dir(&store).unwrap();
        assert_eq!(nearest(&deep), StoreLocation { folder: store, why: LocationReason::Nearest });
    }

    #[test]
    fn url_in_the_place_of_a_folder_is_refused() {
        let problem = find(Some("postgres://host/db".as_ref())).unwrap_err();
        assert_eq!(i32::from(problem.code()), 2);
        assert!(problem.message.contains("postgres"));
        assert!(find(Some("".as_ref())).is_err());
    }
}
